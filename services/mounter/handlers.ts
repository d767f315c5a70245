/** What this service answers: a plan of verity's, or a directory that the allocator found to be its caller's. */
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { MountPlan } from '../../mesh/protocol.ts';
import { attach, type Workshop } from './attachment.ts';
import type { JobOutcome } from './job.ts';
import { describeMounted, prepare } from './plan.ts';
import { asVerdict, judgeSigner } from './signer.ts';
import type { Tally } from './tally.ts';

export function mounterHandlers(mesh: Mesh<'mounter'>, workshop: Workshop, tally: Tally): Handlers<'mounter'> {
  return {
    async 'image.attach'({ request, deadline, holder, plan, sources }, descriptors) {
      const [namespace, images] = holder === null ? [null, descriptors] : [descriptors[0] ?? null, descriptors.slice(1)];
      const made = await tally
        .count(() => attach({ deadline, namespace, partitions: prepare(plan, sources), sources: images }, workshop))
        .finally(() => wipeKeys(plan));
      closeAll(images);
      for (const { growth } of made)
        if (growth !== null && growth !== 'done') mesh.log.warn({ request, ...growth }, 'a file system stays as small as it is');
      const mounted = describeMounted(
        plan,
        made.map(({ growth }) => ({ grown: growth === 'done' })),
      );
      const mounts = made.map(({ mount }) => mount);
      mesh.pass('lsm', 'mounts.allow', { request, holder, mounted }, [...(namespace === null ? [] : [namespace]), ...mounts]);
    },

    async 'signer.ask'(asked, descriptors) {
      const verdict = await judgeSigner(asked, descriptors, workshop.runSigner)
        .catch(asVerdict)
        .finally(() => closeAll(descriptors));
      mesh.send('verity', 'signer.told', { ask: asked.ask, ...verdict });
    },

    async 'directory.attach'({ request, deadline, holder, readOnly, isMapped }, descriptors) {
      const [directory, mountNamespace, ...rest] = descriptors;
      const [namespace, idMap] = holder === null ? [undefined, rest[0]] : rest;
      if (directory === undefined || mountNamespace === undefined) throw new PosternError('INTERNAL');
      const mount = await tally.count(async () =>
        theMount(
          await workshop.runDirectory({
            deadline,
            directory: directory.fd,
            mountNamespace: mountNamespace.fd,
            idMap: isMapped ? (idMap?.fd ?? null) : null,
            readOnly,
            isForHost: holder === null,
          }),
        ),
      );
      closeAll([directory, mountNamespace, ...(idMap === undefined ? [] : [idMap])]);
      mesh.pass('lsm', 'directory.allow', { request, holder, isMapped }, [...(namespace === undefined ? [] : [namespace]), mount]);
    },
  };
}

function wipeKeys({ partitions }: MountPlan): void {
  for (const { source } of partitions) if (source.kind === 'crypt-device') source.key.fill(0);
}

function theMount(outcome: JobOutcome): Descriptor {
  if (outcome.kind === 'refused') throw new PosternError(outcome.code, outcome.detail);
  const made = outcome.kind === 'mounted' ? outcome.mounts[0] : undefined;
  if (made === undefined) throw new PosternError('INTERNAL');
  return new Descriptor(made.fd);
}
