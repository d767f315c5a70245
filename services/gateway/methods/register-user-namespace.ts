/** io.systemd.NamespaceResource.RegisterUserNamespace: gateway → allocator (→ lsm → allocator) → gateway. */
import { authorise } from '../authorise.ts';
import { checkUserNamespace } from '../descriptors.ts';
import { type Served, serve } from './method.ts';
import { checkedName } from './namespace-name.ts';

const name = 'io.systemd.NamespaceResource.RegisterUserNamespace';

export const registerUserNamespace: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id, deadline } = request;
  const asked = checkedName(parameters.name);
  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  checkUserNamespace(bag, namespace);
  authorise({ method: name, peer: client.peer });
  request.authorised();
  const mangleName = parameters.mangleName ?? false;
  const { peer, cookie } = client;
  request.pass('allocator', 'namespace.register', { request: id, deadline, peer, name: asked, mangleName, cookie }, bag.take([namespace]));
  return { 'range.allocated': ({ name: known }) => request.answer(name, { name: known }) };
});
