/** io.systemd.NamespaceResource.AddControlGroupToUserNamespace: gateway → allocator → gateway. */
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
    proceed: () => request.pass('allocator', 'control-group.add', { request: id, peer: client.peer }, bag.take([namespace, group])),
  });
  return { 'control-group.added': () => request.answer(name, {}) };
});
