/**
 * Postern from a program:
 *
 *     import { createUserNamespace, PosternClient, spawnInside } from './client/client.ts';
 *
 *     using postern = PosternClient.connect();
 *     using userNamespace = await createUserNamespace();
 *     await postern.allocate({ name: 'web', userNamespace });           // a range is mapped into the namespace
 *     using image = await postern.mountImage({ image: file, userNamespace });
 *     spawnInside({ userNamespace, image }, ['cat', '/etc/os-release']);
 *
 * Descriptors that are passed are borrowed (numbers, or anything with an `fd`); those that come back are owned, and end with `close` or
 * `using`. What is refused rejects with a `CallError`: its `error` is the Varlink name, its `reason` Postern's stable code, its `message`
 * a sentence for people. Calls on one connection are carried out in their order; connect again for work that should go on side by side.
 */
import { closeAll, type Descriptor } from '../mesh/descriptors.ts';
import type { ParametersOf, ReplyOf } from '../varlink/method/registry.ts';
import { type Answer, type Borrowed, Connection } from './connection.ts';
import { defaultSocket } from './default-socket.ts';
import { BadReply, CallError } from './errors.ts';
import { MountedImage } from './mounted-image.ts';
import {
  type AddControlGroupOptions,
  type AllocateOptions,
  type MakeDirectoryOptions,
  type MountDirectoryOptions,
  type MountImageOptions,
  methods,
  type RegisterOptions,
  type VethOptions,
} from './options.ts';

export type { Borrowed } from './connection.ts';
export { BadReply, CallError, ConnectionLost, NamespaceFailed } from './errors.ts';
export { attach, MountedImage, type MountedPartition } from './mounted-image.ts';
export type * from './options.ts';
export { createUserNamespace, type Inside, spawnInside } from './user-namespace.ts';

/** What the user database calls the ranges. */
const service = 'io.systemd.NamespaceResource';

/** As JSON has it. */
export type UserRecord = ReplyOf<typeof methods.userRecord>['record'];

/** How far the preparation of an image is. */
export type Progress = Required<{ readonly [K in 'phase' | 'done' | 'total']: NonNullable<ReplyOf<typeof methods.prepare>[K]> }>;

export interface Prepared {
  /** in hexadecimal digits */
  readonly rootHash: string;
  readonly signer: string | null;
  /** there was nothing to do */
  readonly cached: boolean;
}

export type Status = ReplyOf<typeof methods.status>;

export class PosternClient implements Disposable {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * @param path of the socket; by default what POSTERN_SOCKET says, or the usual place
   * @throws SystemError where nobody listens there
   */
  static connect(path = process.env.POSTERN_SOCKET ?? defaultSocket): PosternClient {
    return new PosternClient(Connection.connect(path));
  }

  /** Has a transient range mapped into a user namespace that has none yet. By default 65536 IDs from 0 on, and a name made fit. */
  async allocate({ userNamespace, ...options }: AllocateOptions): Promise<{ readonly name: string }> {
    const parameters = { size: 65536, mangleName: true, ...options, userNamespaceFileDescriptor: 0 };
    const { parameters: reply, descriptors } = await this.connection.call(methods.allocate, parameters, [userNamespace]);
    closeAll(descriptors);
    return { name: reply.name ?? options.name };
  }

  /** Makes a namespace known that has its IDs already, so that mounts, control groups and networks can be added to it. */
  async register({ userNamespace, ...options }: RegisterOptions): Promise<{ readonly name: string }> {
    const parameters = { mangleName: true, ...options, userNamespaceFileDescriptor: 0 };
    const { parameters: reply, descriptors } = await this.connection.call(methods.register, parameters, [userNamespace]);
    closeAll(descriptors);
    return { name: reply.name ?? options.name };
  }

  /** Gives a control group to the range of a namespace, whose root then rules below it. At the namespace's end it is removed, with all below. */
  async addControlGroup({ userNamespace, controlGroup }: AddControlGroupOptions): Promise<void> {
    const parameters = { userNamespaceFileDescriptor: 0, controlGroupFileDescriptor: 1 };
    const { descriptors } = await this.connection.call(methods.addControlGroup, parameters, [userNamespace, controlGroup]);
    closeAll(descriptors);
  }

  /** Connects a namespace with the host: what the two ends are called. Both are down at first. Asking twice gives the same pair. */
  async addVeth({ userNamespace, networkNamespace, name }: VethOptions): Promise<{ readonly hostName: string; readonly name: string }> {
    const indices = { userNamespaceFileDescriptor: 0, networkNamespaceFileDescriptor: 1 };
    const parameters = { ...indices, mode: 'veth', namespaceInterfaceName: name ?? null };
    const { parameters: reply, descriptors } = await this.connection.call(methods.addNetwork, parameters, [
      userNamespace,
      networkNamespace,
    ]);
    closeAll(descriptors);
    if (typeof reply.namespaceInterfaceName !== 'string') throw new BadReply('the other end has no name');
    return { hostName: reply.hostInterfaceName, name: reply.namespaceInterfaceName };
  }

  /** An interface of the host that ends in a descriptor: what is written there comes in, with a virtio_net_hdr in front. The result owns it. */
  async addTap(userNamespace: Borrowed): Promise<{ readonly hostName: string; readonly tap: Descriptor }> {
    const parameters = { userNamespaceFileDescriptor: 0, mode: 'tap' };
    const { parameters: reply, descriptors } = await this.connection.call(methods.addNetwork, parameters, [userNamespace]);
    return { hostName: reply.hostInterfaceName, tap: only(descriptors, reply.interfaceFileDescriptor ?? -1) };
  }

  /** Has an image checked and mounted. The result owns the mounts. */
  async mountImage({ image, userNamespace, verityData, ...options }: MountImageOptions): Promise<MountedImage> {
    const sent: Borrowed[] = [image];
    const index = (borrowed: Borrowed | undefined) => (borrowed === undefined ? null : sent.push(borrowed) - 1);
    const parameters: ParametersOf<typeof methods.mountImage> = {
      ...options,
      imageFileDescriptor: 0,
      userNamespaceFileDescriptor: index(userNamespace),
      verityDataFileDescriptor: index(verityData),
    };
    const { parameters: reply, descriptors } = await this.connection.call(methods.mountImage, parameters, sent);
    try {
      const mounted = new MountedImage(reply, descriptors);
      const mounts = new Set(mounted.partitions.map(({ mount }) => mount));
      closeAll(descriptors.filter((descriptor) => !mounts.has(descriptor)));
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
    const { parameters: reply, descriptors } = await this.connection.call(methods.mountDirectory, parameters, sent);
    return only(descriptors, reply.mountFileDescriptor);
  }

  /** Has a directory of the foreign range made in one of the caller's: what `mountDirectory` gives a range whole. The result owns it. */
  async makeDirectory({ parent, ...options }: MakeDirectoryOptions): Promise<Descriptor> {
    const { parameters: reply, descriptors } = await this.connection.call(methods.makeDirectory, { ...options, parentFileDescriptor: 0 }, [
      parent,
    ]);
    return only(descriptors, reply.directoryFileDescriptor);
  }

  /** Has an image checked now, so that mounting it later costs nothing more. Yields how far it is, and returns what came of it. Leaving early ends the connection. */
  async *prepare(image: Borrowed, imagePolicy: string | null = null): AsyncGenerator<Progress, Prepared, void> {
    const replies = this.connection.stream(methods.prepare, { imageFileDescriptor: 0, imagePolicy }, [image]);
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

  /** The user record (https://systemd.io/USER_RECORD) of an ID or name of a range; null where no range has it. */
  userRecord(who: { readonly uid: number } | { readonly userName: string }): Promise<UserRecord | null> {
    return this.#record(this.connection.call(methods.userRecord, { ...who, service }));
  }

  /** The group record (https://systemd.io/GROUP_RECORD) of an ID or name of a range; null where no range has it. */
  groupRecord(who: { readonly gid: number } | { readonly groupName: string }): Promise<UserRecord | null> {
    return this.#record(this.connection.call(methods.groupRecord, { ...who, service }));
  }

  /** How Postern is. */
  async status(): Promise<Status> {
    const { parameters, descriptors } = await this.connection.call(methods.status, {});
    closeAll(descriptors);
    return parameters;
  }

  close(): void {
    this.connection.close();
  }

  async #record(answer: Promise<Answer<{ readonly record: UserRecord }>>): Promise<UserRecord | null> {
    try {
      const { parameters, descriptors } = await answer;
      closeAll(descriptors);
      return parameters.record;
    } catch (error) {
      if (error instanceof CallError && error.is('io.systemd.UserDatabase.NoRecordFound')) return null;
      throw error;
    }
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
