/** What this service answers. It sits last on a mount's way, so that nobody holds a mount that is not yet allowed. */
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { asPosternError, PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { Holder } from '../../mesh/protocol.ts';
import type { Policy } from './policy.ts';

/**
 * @param policy the policy in force, or null where the kernel takes none
 * @param status what `status.ask` answers
 */
export function lsmHandlers(mesh: Mesh<'lsm'>, policy: Policy | null, status: () => Record<string, unknown>): Handlers<'lsm'> {
  /** Lets a holder of transient IDs store them on mounts that were made for it. */
  function allow(holder: Holder | null, namespace: Descriptor | undefined, mounts: readonly Descriptor[]): void {
    if (holder?.transient !== true || namespace === undefined) return;
    const fds = mounts.map((mount) => mount.fd);
    if (policy?.allow(namespace.fd, fds) === false) throw new PosternError('INTERNAL', 'a mount without an idmap');
  }

  return {
    'range.restrict'({ request, namespace, ...restriction }, descriptors) {
      try {
        const [holder] = descriptors;
        if (holder === undefined) throw new PosternError('INTERNAL');
        // The allocator may still believe an earlier life of ours: never say "restricted" of what is not.
        if (policy === null) throw new PosternError('SERVICE_UNAVAILABLE', 'no policy is in force');
        policy.restrict(holder.fd, namespace, restriction);
        mesh.pass('allocator', 'range.restricted', { request, namespace, refusal: null });
      } catch (thrown) {
        // The allocator has recorded the range already, so it is the one to undo that and to end the request.
        mesh.pass('allocator', 'range.restricted', { request, namespace, refusal: asPosternError(thrown).code });
      } finally {
        closeAll(descriptors);
      }
    },

    'mounts.allow'({ request, holder, mounted }, descriptors) {
      const [namespace, mounts] = holder === null ? [undefined, descriptors] : [descriptors[0], descriptors.slice(1)];
      try {
        allow(holder, namespace, mounts);
        namespace?.close();
        mesh.send('gateway', 'image.mounted', { request, mounted }, mounts);
      } catch (thrown) {
        closeAll(descriptors);
        mesh.fail(request, asPosternError(thrown));
      }
    },

    'directory.allow'({ request, holder, isMapped }, descriptors) {
      const [namespace, mount] = holder === null ? [undefined, descriptors[0]] : descriptors;
      if (mount === undefined) throw new PosternError('INTERNAL');
      // A mount without an ID map is never allowed: through it nothing of a range can be stored, as before.
      if (isMapped) allow(holder, namespace, [mount]);
      namespace?.close();
      mesh.send('gateway', 'directory.mounted', { request }, [mount]);
    },

    'mount.admit'({ request }, descriptors) {
      const [namespace, directory] = descriptors;
      try {
        if (namespace === undefined || directory === undefined) throw new PosternError('INTERNAL');
        // A mount without an idmap is no error: as before, nothing of the range can be stored through it.
        policy?.allow(namespace.fd, [directory.fd]);
        mesh.send('gateway', 'mount.added', { request });
      } finally {
        closeAll(descriptors);
      }
    },

    'control-group.permit'(call, [giver, ...rest]) {
      if (giver === undefined) throw new PosternError('INTERNAL');
      policy?.letGive(giver.fd);
      giver.close();
      mesh.pass('allocator', 'control-group.permitted', call, rest);
    },

    'namespace.release'({ namespace }) {
      policy?.release(namespace);
    },

    'status.ask'({ request }) {
      mesh.send('gateway', 'status.tell', { request, report: status() });
    },
  };
}
