/**
 * Control groups that are given to a namespace for as long as it lives. Whose folder a caller passes is only looked at; what is done is done to
 * the same one in our own mount, where nobody else can have put anything in its way.
 */
import { openSync } from 'node:fs';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import { fileSystemMagics } from '../../native/constants.ts';
import { type Addon, isSystemError } from '../../native/index.ts';
import type { Holding } from './events.ts';
import { exempt } from './limits.ts';
import type { Registry } from './registry.ts';

/** As many as systemd's daemon says that it lets one namespace have. */
export const maxControlGroups = 16;

/** What is asked of the kernel; tests end the process between any two of these calls. */
export type GroupKernel = Pick<Addon, 'describe' | 'openControlGroup' | 'giveControlGroup' | 'takeBackControlGroup'>;

/** What became of a tree: folders that are gone, and folders in use, which are root's now. */
export type Returned = Awaited<ReturnType<Addon['takeBackControlGroup']>>;

export class ControlGroups {
  readonly #kernel: GroupKernel;
  readonly #registry: Registry;
  readonly #mount: Descriptor | null;

  /** @param folder where cgroup2 is mounted; where it is not, there are no control groups to give */
  constructor(kernel: GroupKernel, registry: Registry, folder: string) {
    this.#kernel = kernel;
    this.#registry = registry;
    this.#mount = mountAt(kernel, folder);
  }

  /**
   * Gives a group to a namespace, on record first.
   * @param folder a folder of cgroup2, as the gateway has seen to
   * @throws what speaks against it; then its owner is who it was
   */
  give(folder: Descriptor, holding: Holding, peer: Peer): void {
    const { start, namespace, controlGroups } = holding;
    if (start === null) throw new PosternError('NAMESPACE_WITHOUT_RANGE');
    const { inode, uid } = this.#kernel.describe(folder.fd);
    const group = String(inode);
    const holder = this.#registry.tree.belongings.holderOfControlGroup(group);
    // On record, but with its former owner: a life of ours ended before it was given.
    const isHalfGiven = holder === namespace && uid !== start;
    if (holder !== undefined && !isHalfGiven) throw new PosternError('CONTROL_GROUP_ADDED');
    if (peer.uid !== exempt && uid !== peer.uid) throw new PosternError('CONTROL_GROUP_NOT_YOURS');
    if (!isHalfGiven && controlGroups.length >= maxControlGroups) throw new PosternError('CONTROL_GROUPS_TOO_MANY');
    using own = this.#open(group);
    if (own === null) throw new PosternError('CONTROL_GROUP_FAILED', 'open_by_handle_at failed with ESTALE');
    if (!isHalfGiven) this.#registry.give(namespace, group);
    try {
      this.#kernel.giveControlGroup(own.fd, start);
    } catch (thrown) {
      this.#registry.keep(namespace, group);
      if (!isSystemError(thrown)) throw thrown;
      throw new PosternError('CONTROL_GROUP_FAILED', `${thrown.syscall} failed with ${thrown.code}`);
    }
  }

  /** Takes a group back with all below, whoever owns it. @throws SystemError where some of it may still be the range's */
  async takeBack(group: string): Promise<Returned> {
    using own = this.#open(group);
    return own === null ? { removed: 0, kept: 0 } : await this.#kernel.takeBackControlGroup(own.fd);
  }

  close(): void {
    this.#mount?.close();
  }

  /** Null where it is gone. */
  #open(group: string): Descriptor | null {
    if (this.#mount === null) throw new PosternError('CONTROL_GROUPS_ABSENT');
    if (BigInt(group) === this.#kernel.describe(this.#mount.fd).inode) throw new PosternError('CONTROL_GROUP_ROOT');
    const fd = this.#kernel.openControlGroup(this.#mount.fd, BigInt(group));
    return fd === null ? null : new Descriptor(fd);
  }
}

function mountAt(kernel: GroupKernel, folder: string): Descriptor | null {
  try {
    const mount = new Descriptor(openSync(folder, 'r'));
    if (kernel.describe(mount.fd).fileSystemMagic === fileSystemMagics.CGROUP2_SUPER_MAGIC) return mount;
    mount.close();
    return null;
  } catch (thrown) {
    if (isSystemError(thrown) && thrown.code === 'ENOENT') return null;
    throw thrown;
  }
}
