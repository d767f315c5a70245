/** io.systemd.MountFileSystem.MountImage: gateway → allocator → verity → mounter → lsm → gateway. */
import { closeAll } from '../../../mesh/descriptors.ts';
import type { MountedImage } from '../../../mesh/protocol.ts';
import { replyShape } from '../../../varlink/method/registry.ts';
import { authorise } from '../authorise.ts';
import { checkImage, checkUserNamespace, type Reference } from '../descriptors.ts';
import { imageOptions } from './image-options.ts';
import { type Served, serve } from './method.ts';

const name = 'io.systemd.MountFileSystem.MountImage';

/** Which user namespace the gateway runs in, as the kernel identifies it. */
export interface HostNamespace {
  readonly device: bigint;
  readonly inode: bigint;
}

/** @param host a caller that passes this namespace asks for a mount without one */
export function mountImage(host: HostNamespace): Served {
  const replies = replyShape(name, 'refuse');
  return serve(name, 'image', (parameters, request) => {
    const { bag, client, id, deadline } = request;
    const image = { index: parameters.imageFileDescriptor, parameter: 'imageFileDescriptor' };
    const { access } = checkImage(bag, image);
    const options = imageOptions(parameters, access === 'read-write');
    const given = reference(parameters.userNamespaceFileDescriptor, 'userNamespaceFileDescriptor');
    const namespaces = given.filter((namespace) => !isHost(checkUserNamespace(bag, namespace), host));
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

/** Null and missing are the same: the parameter was not given. */
export function reference(index: number | null | undefined, parameter: string): Reference[] {
  return typeof index === 'number' ? [{ index, parameter }] : [];
}

export function isHost(namespace: HostNamespace, host: HostNamespace): boolean {
  return namespace.device === host.device && namespace.inode === host.inode;
}

function replyFor({ image, partitions }: MountedImage): unknown {
  const infos = partitions.map((partition, index) => ({
    designator: partition.designator,
    writable: partition.writable,
    // nothing that is mounted here is grown: what is not read-only is a copy of the size that its maker gave it
    growFileSystem: false,
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
