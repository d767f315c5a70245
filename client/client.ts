/**
 * Postern from a program:
 *
 *     import { PosternClient } from './client/client.ts';
 *
 *     const postern = PosternClient.connect('/run/postern/postern.sock');
 *     await postern.allocate({ name: 'web', userNamespace });           // a range is mapped into the namespace
 *     const image = await postern.mountImage({ image: file, userNamespace });
 *     image.attach('/mnt');                                             // in a mount namespace of that user namespace
 *     image.close();
 *     postern.close();
 *
 * `userNamespace` and `file` are descriptors (numbers, or anything with an `fd`), and stay the caller's. What is refused rejects with a
 * `CallError`: its `error` is the Varlink name, its `reason` Postern's stable code, its `message` a sentence for people.
 * Calls on one connection are carried out in their order; connect again for work that should go on side by side.
 */
import { closeAll, type Descriptor } from '../mesh/descriptors.ts';
import { native } from '../native/index.ts';
import type { ParametersOf, ReplyOf } from '../varlink/method/registry.ts';
import { type Borrowed, Connection } from './connection.ts';
import { BadReply } from './errors.ts';

export type { Borrowed } from './connection.ts';
export { BadReply, CallError, ConnectionLost } from './errors.ts';

const allocateName = 'io.systemd.NamespaceResource.AllocateUserRange';
const networkName = 'io.systemd.NamespaceResource.AddNetworkToUserNamespace';
const mountName = 'io.systemd.MountFileSystem.MountImage';
const directoryName = 'io.systemd.MountFileSystem.MountDirectory';
const makeName = 'io.systemd.MountFileSystem.MakeDirectory';
const controlGroupName = 'io.systemd.NamespaceResource.AddControlGroupToUserNamespace';
const prepareName = 'io.postern.Images.Prepare';
const statusName = 'io.postern.Gateway.GetStatus';

/** The parameters of a method, with descriptors in place of indices. */
type Without<T, K extends string> = { [P in keyof T as P extends K ? never : P]: T[P] };

export type AllocateOptions = Partial<Without<ParametersOf<typeof allocateName>, 'userNamespaceFileDescriptor' | 'name'>> & {
  readonly name: string;
  readonly userNamespace: Borrowed;
};

export interface VethOptions {
  readonly userNamespace: Borrowed;
  /** where the other end is to be; it belongs to the user namespace */
  readonly networkNamespace: Borrowed;
  /** what the other end is to be called; `host0` when left out */
  readonly name?: string;
}

export interface ControlGroupOptions {
  readonly userNamespace: Borrowed;
  /** the folder of a control group that was delegated to the caller, open for reading */
  readonly controlGroup: Borrowed;
}

type ImageParameters = ParametersOf<typeof mountName>;
type ImageDescriptors = 'imageFileDescriptor' | 'userNamespaceFileDescriptor' | 'verityDataFileDescriptor';
export type MountImageOptions = Without<ImageParameters, ImageDescriptors> & {
  readonly image: Borrowed;
  /** whose IDs the image's owners become; without one the mount is for the host, which only root may have */
  readonly userNamespace?: Borrowed;
  /** the hash tree of a bare file system, together with `verityRootHash` */
  readonly verityData?: Borrowed;
};

export type MountDirectoryOptions = Without<
  ParametersOf<typeof directoryName>,
  'directoryFileDescriptor' | 'userNamespaceFileDescriptor'
> & {
  /** may be open by O_PATH */
  readonly directory: Borrowed;
  /** whose IDs the directory's owners become; without one the mount is for the host, which only root may have */
  readonly userNamespace?: Borrowed;
};

export type MakeDirectoryOptions = Without<ParametersOf<typeof makeName>, 'parentFileDescriptor'> & {
  /** the caller's own, open for reading */
  readonly parent: Borrowed;
};

type ImageReply = ReplyOf<typeof mountName>;
type PartitionInfo = ImageReply['partitions'][number];

/** A mounted partition: `mount` is detached, and ends with its last descriptor unless it was attached. */
export type MountedPartition = Without<PartitionInfo, 'mountFileDescriptor'> & { readonly mount: Descriptor };

/** How far the preparation of an image is. */
export type Progress = Required<{ readonly [K in 'phase' | 'done' | 'total']: NonNullable<ReplyOf<typeof prepareName>[K]> }>;

export interface Prepared {
  /** in hexadecimal digits */
  readonly rootHash: string;
  readonly signer: string | null;
  /** there was nothing to do */
  readonly cached: boolean;
}

export type Status = ReplyOf<typeof statusName>;

/** Where the attach of a detached mount is not the caller's to do by path. Must be called in a mount namespace that the mounts are for. */
export function attach(mount: Borrowed, path: string): void {
  native.moveMount(typeof mount === 'number' ? mount : mount.fd, path);
}

/** What MountImage gave: the mounts of an image, owned. */
export class MountedImage implements Disposable {
  readonly facts: Without<ImageReply, 'partitions'>;
  readonly partitions: readonly MountedPartition[];

  constructor({ partitions, ...facts }: ImageReply, descriptors: readonly Descriptor[]) {
    this.facts = facts;
    this.partitions = partitions.map(({ mountFileDescriptor, ...info }) => {
      const mount = descriptors[mountFileDescriptor];
      if (mount === undefined) throw new BadReply('a partition came without its mount');
      return { ...info, mount };
    });
  }

  /** Attaches each partition where it belongs below a folder, the root first. */
  attach(folder: string): void {
    const root = folder.replace(/\/+$/, '');
    const placed = this.partitions.map((partition) => ({ partition, place: partition.mountPoint?.[0] ?? '/' }));
    placed.sort((a, b) => a.place.length - b.place.length);
    for (const { partition, place } of placed) attach(partition.mount, place === '/' ? folder : `${root}${place}`);
  }

  /** Lets go of the mounts; those that were attached stay where they are. */
  close(): void {
    closeAll(this.partitions.map(({ mount }) => mount));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

export class PosternClient implements Disposable {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** @throws SystemError where nobody listens there */
  static connect(path: string): PosternClient {
    return new PosternClient(Connection.connect(path));
  }

  /** Has a transient range mapped into a user namespace that has none yet. By default 65536 IDs from 0 on, and a name made fit. */
  async allocate({ userNamespace, ...options }: AllocateOptions): Promise<{ readonly name: string }> {
    const parameters = { size: 65536, mangleName: true, ...options, userNamespaceFileDescriptor: 0 };
    const { parameters: reply, descriptors } = await this.connection.call(allocateName, parameters, [userNamespace]);
    closeAll(descriptors);
    return { name: reply.name ?? options.name };
  }

  /** Connects a namespace with a range to the host: what the two ends are called. Both are down at first. Asking twice gives the same pair. */
  async addVeth({ userNamespace, networkNamespace, name }: VethOptions): Promise<{ readonly hostName: string; readonly name: string }> {
    const parameters = {
      mode: 'veth',
      userNamespaceFileDescriptor: 0,
      networkNamespaceFileDescriptor: 1,
      namespaceInterfaceName: name ?? null,
    };
    const { parameters: reply, descriptors } = await this.connection.call(networkName, parameters, [userNamespace, networkNamespace]);
    closeAll(descriptors);
    if (typeof reply.namespaceInterfaceName !== 'string') throw new BadReply('the other end has no name');
    return { hostName: reply.hostInterfaceName, name: reply.namespaceInterfaceName };
  }

  /** An interface of the host that ends in a descriptor: what is written there comes in, with a virtio_net_hdr in front. The result owns it. */
  async addTap(userNamespace: Borrowed): Promise<{ readonly hostName: string; readonly tap: Descriptor }> {
    const parameters = { mode: 'tap', userNamespaceFileDescriptor: 0 };
    const { parameters: reply, descriptors } = await this.connection.call(networkName, parameters, [userNamespace]);
    return { hostName: reply.hostInterfaceName, tap: only(descriptors, reply.interfaceFileDescriptor ?? -1) };
  }

  /** Gives a control group of the caller's to a user namespace with a range. It is removed with all below it when the namespace ends. */
  async addControlGroup({ userNamespace, controlGroup }: ControlGroupOptions): Promise<void> {
    const parameters = { userNamespaceFileDescriptor: 0, controlGroupFileDescriptor: 1 };
    const { descriptors } = await this.connection.call(controlGroupName, parameters, [userNamespace, controlGroup]);
    closeAll(descriptors);
  }

  /** Has an image checked and mounted. The result owns the mounts. */
  async mountImage({ image, userNamespace, verityData, ...options }: MountImageOptions): Promise<MountedImage> {
    const sent: Borrowed[] = [image];
    const index = (borrowed: Borrowed | undefined) => (borrowed === undefined ? null : sent.push(borrowed) - 1);
    const parameters: ImageParameters = {
      ...options,
      imageFileDescriptor: 0,
      userNamespaceFileDescriptor: index(userNamespace),
      verityDataFileDescriptor: index(verityData),
    };
    const { parameters: reply, descriptors } = await this.connection.call(mountName, parameters, sent);
    const wanted = new Set(reply.partitions.map((partition) => partition.mountFileDescriptor));
    try {
      const mounted = new MountedImage(reply, descriptors);
      closeAll(descriptors.filter((_, position) => !wanted.has(position)));
      return mounted;
    } catch (error) {
      closeAll(descriptors);
      throw error;
    }
  }

  /** Has a directory of the caller's mounted. The detached mount is the caller's to attach and to close. */
  async mountDirectory({ directory, userNamespace, ...options }: MountDirectoryOptions): Promise<Descriptor> {
    const sent = userNamespace === undefined ? [directory] : [directory, userNamespace];
    const parameters = { ...options, directoryFileDescriptor: 0, userNamespaceFileDescriptor: userNamespace === undefined ? null : 1 };
    const { parameters: reply, descriptors } = await this.connection.call(directoryName, parameters, sent);
    return only(descriptors, reply.mountFileDescriptor);
  }

  /** Has a directory of the foreign range made in one of the caller's: what `mountDirectory` gives a range whole. The result owns it. */
  async makeDirectory({ parent, ...options }: MakeDirectoryOptions): Promise<Descriptor> {
    const { parameters: reply, descriptors } = await this.connection.call(makeName, { ...options, parentFileDescriptor: 0 }, [parent]);
    return only(descriptors, reply.directoryFileDescriptor);
  }

  /** Has an image checked now, so that mounting it later costs nothing more. Yields how far it is, and returns what came of it. Leaving early ends the connection. */
  async *prepare(image: Borrowed, imagePolicy: string | null = null): AsyncGenerator<Progress, Prepared, void> {
    const replies = this.connection.stream(prepareName, { imageFileDescriptor: 0, imagePolicy }, [image]);
    try {
      for (;;) {
        const { value, done } = await replies.next();
        if (done === true) {
          if (typeof value.rootHash !== 'string') throw new BadReply('the last reply has no root hash');
          return { rootHash: value.rootHash, signer: value.signer ?? null, cached: value.cached ?? false };
        }
        if (value.phase !== undefined && value.phase !== null) {
          yield { phase: value.phase, done: value.done ?? 0, total: value.total ?? 0 };
        }
      }
    } finally {
      await replies.return({});
    }
  }

  /** How Postern is. */
  async status(): Promise<Status> {
    const { parameters, descriptors } = await this.connection.call(statusName, {});
    closeAll(descriptors);
    return parameters;
  }

  close(): void {
    this.connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The one descriptor that a reply points at; whatever came besides is closed. */
function only(descriptors: readonly Descriptor[], index: number): Descriptor {
  const wanted = descriptors[index];
  closeAll(descriptors.filter((descriptor) => descriptor !== wanted));
  if (wanted === undefined) throw new BadReply('the descriptor that it points at did not come');
  return wanted;
}
