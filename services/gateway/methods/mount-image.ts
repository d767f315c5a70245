/** io.systemd.MountFileSystem.MountImage: gateway → allocator → verity → mounter → lsm → gateway. */
import { closeAll } from '../../../mesh/descriptors.ts';
import type { MountedImage } from '../../../mesh/protocol.ts';
import { replyShape } from '../../../varlink/method/registry.ts';
import { authorise } from '../authorise.ts';
import { checkImage } from '../descriptors.ts';
import { imageOptions } from './image-options.ts';
import { type Served, serve } from './method.ts';
import { type HostNamespace, reference, targetNamespace } from './target.ts';

const name = 'io.systemd.MountFileSystem.MountImage';

/** @param host a caller that passes this namespace asks for a mount without one */
export function mountImage(host: HostNamespace): Served {
  const replies = replyShape(name, 'refuse');
  return serve(name, 'image', (parameters, request) => {
    const { bag, client, id, deadline } = request;
    const image = { index: parameters.imageFileDescriptor, parameter: 'imageFileDescriptor' };
    const { access } = checkImage(bag, image);
    const options = imageOptions(parameters, access === 'read-write');
    const namespaces = targetNamespace(bag, parameters.userNamespaceFileDescriptor, host);
    const sidecar = reference(parameters.verityDataFileDescriptor, 'verityDataFileDescriptor');
    for (const tree of sidecar) checkImage(bag, tree);

    const hasNamespace = namespaces.length > 0;
    const hasSidecar = sidecar.length > 0;
    authorise({ method: name, peer: client.peer, forHost: !hasNamespace });
    request.authorised();
    request.pass(
      'allocator',
      'image.mount',
      { request: id, deadline, peer: client.peer, options, hasNamespace, hasSidecar },
      bag.take([image, ...namespaces, ...sidecar]),
    );

    return {
      'image.mounted'({ mounted }, mounts) {
        const reply = replyFor(mounted);
        if (replies.fits(reply)) return request.answer(name, reply, mounts);
        closeAll(mounts);
        request.fail(new Error(`a mounted image has no sound ${replies.fault(reply)}`));
      },
    };
  });
}

function replyFor({ image, partitions }: MountedImage): unknown {
  const infos = partitions.map((partition, index) => ({
    designator: partition.designator,
    writable: partition.writable,
    growFileSystem: partition.grown,
    partitionNumber: partition.number,
    architecture: partition.architecture,
    partitionUuid: partition.uuid,
    fileSystemType: partition.fileSystem,
    partitionLabel: partition.label,
    size: partition.size,
    offset: partition.offset,
    mountFileDescriptor: index,
    mountPoint: partition.mountPoints,
  }));
  return { partitions: infos, ...image };
}
