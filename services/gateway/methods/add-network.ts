/** io.systemd.NamespaceResource.AddNetworkToUserNamespace: gateway → allocator → network → gateway. */
import { PosternError } from '../../../mesh/errors.ts';
import { authorise } from '../authorise.ts';
import { checkNetworkNamespace, checkUserNamespace } from '../descriptors.ts';
import { aboutInterface } from '../questions.ts';
import { isInterfaceName } from './interface-name.ts';
import { type Served, serve } from './method.ts';
import { reference } from './target.ts';

const name = 'io.systemd.NamespaceResource.AddNetworkToUserNamespace';
const networkParameter = 'networkNamespaceFileDescriptor';

export const addNetwork: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id } = request;
  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  const network = reference(parameters.networkNamespaceFileDescriptor, networkParameter);
  const inner = parameters.namespaceInterfaceName ?? null;
  checkUserNamespace(bag, namespace);
  for (const given of network) checkNetworkNamespace(bag, given);
  if (inner !== null && !isInterfaceName(inner)) throw new PosternError('INTERFACE_NAME');
  const kind = checkedMode(parameters.mode, inner !== null, network.length > 0);
  authorise({ method: name, peer: client.peer });
  request.permit({
    question: aboutInterface(kind),
    proceed: () =>
      request.pass('allocator', 'interface.add', { request: id, peer: client.peer, kind, inner }, bag.take([namespace, ...network])),
  });
  return {
    'interface.made': (made, descriptors) => {
      const told = made.inner === null ? { interfaceFileDescriptor: 0 } : { namespaceInterfaceName: made.inner };
      request.answer(name, { hostInterfaceName: made.name, ...told }, descriptors);
    },
  };
});

/** A pair needs somewhere to lead to; a tap leads to whoever holds it, and nowhere else. */
function checkedMode(mode: string, isNamed: boolean, hasNetwork: boolean): 'veth' | 'tap' {
  const refuse = (why: string, parameter: string) => new PosternError('INVALID_PARAMETER', why, parameter);
  if (mode === 'veth' && hasNetwork) return mode;
  if (mode === 'veth') throw refuse('mode veth needs one', networkParameter);
  if (mode !== 'tap') throw refuse('there are veth and tap', 'mode');
  if (isNamed) throw refuse('mode tap has no end in the namespace', 'namespaceInterfaceName');
  if (hasNetwork) throw refuse('mode tap has no end in a network namespace', networkParameter);
  return mode;
}
