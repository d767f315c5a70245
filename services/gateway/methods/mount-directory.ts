/** io.systemd.MountFileSystem.MountDirectory: gateway → allocator → mounter → lsm → gateway. */
import { PosternError } from '../../../mesh/errors.ts';
import { authorise } from '../authorise.ts';
import { checkDirectory } from '../descriptors.ts';
import { aboutDirectory } from '../questions.ts';
import { type Served, serve } from './method.ts';
import { type HostNamespace, targetNamespace } from './target.ts';

const name = 'io.systemd.MountFileSystem.MountDirectory';

/** @param host a caller that passes this namespace asks for a mount without one */
export function mountDirectory(host: HostNamespace): Served {
  return serve(name, 'request', (parameters, request) => {
    const { bag, client, id } = request;
    const { peer, process } = client;
    const directory = { index: parameters.directoryFileDescriptor, parameter: 'directoryFileDescriptor' };
    checkDirectory(bag, directory);
    const namespaces = targetNamespace(bag, parameters.userNamespaceFileDescriptor, host);
    const hasNamespace = namespaces.length > 0;
    if (process === null) throw new PosternError('PERMISSION_DENIED', 'the process that connected has ended');
    authorise({ method: name, peer, forHost: !hasNamespace, asked: request.asks });
    const readOnly = parameters.readOnly ?? false;
    const interactive = parameters.allowInteractiveAuthentication ?? false;
    request.permit({
      question: aboutDirectory({ forHost: !hasNamespace, readOnly, interactive }),
      directory: { reference: directory, child: null },
      proceed(consult) {
        const call = { request: id, deadline: request.deadline, peer, readOnly, mode: parameters.mode ?? 'auto', hasNamespace, consult };
        const [target, ...holder] = bag.take([directory, ...namespaces]);
        if (target === undefined) throw new PosternError('INTERNAL');
        request.pass('allocator', 'directory.mount', call, [target, process.duplicate(), ...holder]);
      },
    });
    return { 'directory.mounted': (_told, mounts) => request.answer(name, { mountFileDescriptor: 0 }, mounts) };
  });
}
