/** io.systemd.NamespaceResource.AddControlGroupToUserNamespace: gateway → allocator → lsm → allocator → gateway. */
import { authorise } from '../authorise.ts';
import { checkControlGroup, checkUserNamespace } from '../descriptors.ts';
import { aboutControlGroup } from '../questions.ts';
import { type Served, serve } from './method.ts';

const name = 'io.systemd.NamespaceResource.AddControlGroupToUserNamespace';

export const addControlGroup: Served = serve(name, 'request', (parameters, request) => {
  const { bag, client, id } = request;
  const namespace = { index: parameters.userNamespaceFileDescriptor, parameter: 'userNamespaceFileDescriptor' };
  const group = { index: parameters.controlGroupFileDescriptor, parameter: 'controlGroupFileDescriptor' };
  checkUserNamespace(bag, namespace);
  checkControlGroup(bag, group);
  authorise({ method: name, peer: client.peer });
  request.permit({
    question: aboutControlGroup,
    proceed() {
      const call = { request: id, deadline: request.deadline, peer: client.peer };
      request.pass('allocator', 'control-group.add', call, bag.take([namespace, group]));
    },
  });
  return { 'control-group.added': () => request.answer(name, {}) };
});
