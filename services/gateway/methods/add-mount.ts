/** io.systemd.NamespaceResource.AddMountToUserNamespace: gateway → allocator (→ lsm) → gateway. For the host's own mount daemons. */
import { authorise } from '../authorise.ts';
import { checkDirectory, checkUserNamespace } from '../descriptors.ts';
import { type Served, serve } from './method.ts';

const name = 'io.systemd.NamespaceResource.AddMountToUserNamespace';

export const addMount: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id } = request;
  authorise({ method: name, peer: client.peer, hostsOwn: true });
  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  const mount = { index: parameters.mountFileDescriptor, parameter: 'mountFileDescriptor' };
  checkUserNamespace(bag, namespace);
  checkDirectory(bag, mount);
  request.authorised();
  request.pass('allocator', 'mount.add', { request: id }, bag.take([namespace, mount]));
  return { 'mount.added': () => request.answer(name, {}) };
});
