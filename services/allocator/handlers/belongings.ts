/** AddControlGroupToUserNamespace and AddNetworkToUserNamespace: what a namespace has besides its IDs. */
import { closeAll, Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Handlers } from '../../../mesh/mesh.ts';
import type { Payload } from '../../../mesh/protocol.ts';
import { native } from '../../../native/index.ts';
import type { Holding } from '../events.ts';
import { addInterface } from '../interfaces.ts';
import { type Parts, requireOwner } from './parts.ts';

export function belongingsHandlers(
  parts: Parts,
): Pick<Handlers<'allocator'>, 'interface.add' | 'interfaces.removed' | 'control-group.add' | 'control-group.permitted'> {
  const { mesh, clock, namespaces } = parts;

  function holdingOf(namespace: Descriptor, { peer }: Payload<'control-group.add'>): Holding {
    const holding = namespaces.recognise(namespace);
    if (holding?.mapped !== true) throw new PosternError('NAMESPACE_NOT_REGISTERED');
    requireOwner(parts, namespace, peer);
    return holding;
  }

  return {
    'interface.add'(call, [namespace, network]) {
      if (namespace === undefined) throw new PosternError('INTERNAL');
      requireOwner(parts, namespace, call.peer);
      addInterface(parts, call, namespace, network);
      namespace.close();
    },

    'interfaces.removed'({ namespace, complete }) {
      parts.endings.removed(namespace, complete);
    },

    'control-group.add'(call, [namespace, folder]) {
      if (namespace === undefined || folder === undefined) throw new PosternError('INTERNAL');
      holdingOf(namespace, call);
      mesh.pass('lsm', 'control-group.permit', call, [new Descriptor(native.pidfdOpen(process.pid)), namespace, folder]);
    },

    'control-group.permitted'(call, [namespace, folder]) {
      if (namespace === undefined || folder === undefined) throw new PosternError('INTERNAL');
      try {
        // the lsm service may have been away for as long as the caller waits
        if (clock.now() >= call.deadline) throw new PosternError('TIMED_OUT');
        parts.groups.give(folder, holdingOf(namespace, call), call.peer);
        mesh.send('gateway', 'control-group.added', { request: call.request });
      } finally {
        closeAll([namespace, folder]);
      }
    },
  };
}
