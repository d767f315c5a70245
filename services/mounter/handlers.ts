/** What this service answers: one message that carries a request, from verity only. */
import { closeAll } from '../../mesh/descriptors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import { attach, type Workshop } from './attachment.ts';
import { describeMounted, prepare } from './plan.ts';
import type { Tally } from './tally.ts';

export function mounterHandlers(mesh: Mesh<'mounter'>, workshop: Workshop, tally: Tally): Handlers<'mounter'> {
  return {
    async 'image.attach'({ request, deadline, holder, plan, sources }, descriptors) {
      const [namespace, images] = holder === null ? [null, descriptors] : [descriptors[0] ?? null, descriptors.slice(1)];
      const mounts = await tally.count(() =>
        attach({ deadline, namespace, partitions: prepare(plan, sources), sources: images }, workshop),
      );
      closeAll(images);
      mesh.pass('lsm', 'mounts.allow', { request, holder, mounted: describeMounted(plan) }, [
        ...(namespace === null ? [] : [namespace]),
        ...mounts,
      ]);
    },
  };
}
