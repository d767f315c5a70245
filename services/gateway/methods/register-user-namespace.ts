/** io.systemd.NamespaceResource.RegisterUserNamespace: gateway → allocator (→ lsm → allocator) → gateway. */
import { authorise } from '../authorise.ts';
import { checkUserNamespace } from '../descriptors.ts';
import { aboutRegistration } from '../questions.ts';
import { type Served, serve } from './method.ts';
import { checkedName } from './namespace-name.ts';

const name = 'io.systemd.NamespaceResource.RegisterUserNamespace';

export const registerUserNamespace: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id } = request;
  const asked = checkedName(parameters.name);
  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  checkUserNamespace(bag, namespace);
  authorise({ method: name, peer: client.peer });
  const mangleName = parameters.mangleName ?? false;
  const { peer, cookie } = client;
  request.permit({
    question: aboutRegistration(asked),
    proceed() {
      const call = { request: id, deadline: request.deadline, peer, name: asked, mangleName, cookie };
      request.pass('allocator', 'namespace.register', call, bag.take([namespace]));
    },
  });
  return { 'range.allocated': ({ name: known }) => request.answer(name, { name: known }) };
});
