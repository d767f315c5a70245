/** AddControlGroupToUserNamespace and AddNetworkToUserNamespace: what a namespace has besides its IDs. */
import { closeAll, type Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Handlers } from '../../../mesh/mesh.ts';
import type { Payload } from '../../../mesh/protocol.ts';
import { addInterface } from '../interfaces.ts';
import { type Parts, requireOwner } from './parts.ts';

export function belongingsHandlers(
  parts: Parts,
): Pick<Handlers<'allocator'>, 'interface.add' | 'interfaces.removed' | 'control-group.add'> {
  const { mesh, namespaces } = parts;

  function addControlGroup({ request, peer }: Payload<'control-group.add'>, namespace: Descriptor, folder: Descriptor): void {
    const holding = namespaces.recognise(namespace);
    if (holding?.mapped !== true) throw new PosternError('NAMESPACE_NOT_REGISTERED');
    requireOwner(parts, namespace, peer);
    parts.groups.give(folder, holding, peer);
    mesh.send('gateway', 'control-group.added', { request });
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
      try {
        addControlGroup(call, namespace, folder);
      } finally {
        closeAll([namespace, folder]);
      }
    },
  };
}
