/** User namespaces as the kernel knows them, and what the registry has to say about each. No descriptor is kept for any of them. */
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Holder } from '../../mesh/protocol.ts';
import { type Addon, isSystemError, type NamespaceMaps } from '../../native/index.ts';
import type { Owners } from './directories.ts';
import type { Holding } from './events.ts';
import { isUnmapped, namespaceMaps, shareIds } from './map-lines.ts';
import type { Registry } from './registry.ts';

/** What the allocator asks of the kernel; tests end the process between any two of these calls. */
export type Kernel = Pick<
  Addon,
  | 'describe'
  | 'namespaceOwner'
  | 'namespaceParent'
  | 'namespaceUser'
  | 'namespaceId'
  | 'namespaceHandle'
  | 'openNamespace'
  | 'ownUserNamespace'
  | 'processMountNamespace'
  | 'ownersAbove'
  | 'helperWriteMaps'
  | 'helperReadMaps'
  | 'helperMakeNamespace'
>;

/** More levels than the kernel nests user namespaces (32). */
const maxDepth = 40;

/** The namespace helper's socket, and what to do when nobody answers there. */
export interface Helper {
  readonly socket: number;
  readonly lost: () => never;
}

export class Namespaces {
  readonly #kernel: Kernel;
  readonly #helper: Helper;
  readonly #registry: Registry;
  readonly #ended: (namespace: string) => void;
  readonly #own: string;

  /** @param ended hears of a namespace on record that turns out to be gone */
  constructor(kernel: Kernel, helper: Helper, registry: Registry, ended: (namespace: string) => void) {
    this.#kernel = kernel;
    this.#helper = helper;
    this.#registry = registry;
    this.#ended = ended;
    using own = new Descriptor(kernel.ownUserNamespace());
    this.#own = this.#kernelName(own);
  }

  isOwn(namespace: Descriptor): boolean {
    return this.#kernelName(namespace) === this.#own;
  }

  /** The UID that made it, in our own namespace's terms. */
  ownerOf(namespace: Descriptor): number {
    return this.#kernel.namespaceOwner(namespace.fd);
  }

  /** What it holds on record; undefined where it holds nothing. */
  recognise(namespace: Descriptor): Holding | undefined {
    const name = this.#kernelName(namespace);
    if (name.startsWith('id:')) return this.#registry.tree.find(name);
    return this.#recogniseByInode(namespace, name);
  }

  /** What a namespace that holds nothing is called from now on. */
  newName(namespace: Descriptor): string {
    const name = this.#kernelName(namespace);
    return name.startsWith('id:') ? name : `${name}+${this.#registry.tree.serial + 1}`;
  }

  handleOf(namespace: Descriptor): Uint8Array | null {
    return this.#kernel.namespaceHandle(namespace.fd);
  }

  /** The node above it: null for ours, undefined for one that holds nothing. */
  parentOf(namespace: Descriptor): Holding | null | undefined {
    const fd = this.#kernel.namespaceParent(namespace.fd);
    if (fd === null) return undefined;
    using parent = new Descriptor(fd);
    return this.isOwn(parent) ? null : this.recognise(parent);
  }

  /** Whether another kind of namespace belongs to this one. */
  isUserOf(namespace: Descriptor, other: Descriptor): boolean {
    const fd = this.#kernel.namespaceUser(other.fd);
    if (fd === null) return false;
    using user = new Descriptor(fd);
    return this.#kernelName(user) === this.#kernelName(namespace);
  }

  /** A namespace on record, opened by its handle. */
  open({ handle }: Holding): Descriptor | 'gone' | 'unknown' {
    if (handle === null) return 'unknown';
    const fd = this.#kernel.openNamespace(handle);
    return fd === null ? 'gone' : new Descriptor(fd);
  }

  /** Whether a namespace on record is gone; null where this kernel can't tell. */
  isGone(holding: Holding): boolean | null {
    if (holding.ended) return true;
    const found = this.open(holding);
    if (found === 'unknown') return null;
    if (found === 'gone') return true;
    found.close();
    return false;
  }

  /**
   * Who a mount in this namespace would be for.
   * @throws NAMESPACE_UNMAPPED
   */
  holderOf(namespace: Descriptor): Holder {
    const holding = this.recognise(namespace);
    if (holding !== undefined) {
      if (!holding.mapped) throw new PosternError('NAMESPACE_UNMAPPED');
      return { namespace: holding.namespace, transient: isTransient(holding) || this.#liesInTransient(namespace) };
    }
    if (isUnmapped(this.readMaps(namespace))) throw new PosternError('NAMESPACE_UNMAPPED');
    return { namespace: this.newName(namespace), transient: this.#liesInTransient(namespace) };
  }

  readMaps(namespace: Descriptor): NamespaceMaps {
    return this.#ask((socket) => this.#kernel.helperReadMaps(socket, namespace.fd));
  }

  /** A namespace with these maps that nobody is in; the caller's to close. */
  make(maps: NamespaceMaps): Descriptor {
    return new Descriptor(this.#ask((socket) => this.#kernel.helperMakeNamespace(socket, maps)));
  }

  /** The mount namespace that a process is in; null for one that is gone. */
  mountsOf(process: Descriptor, pid: number): Descriptor | null {
    const fd = this.#kernel.processMountNamespace(process.fd, pid);
    return fd === null ? null : new Descriptor(fd);
  }

  /** Who owns a directory, and up to so many above it. */
  ownersOf(directory: Descriptor, levels: number): Owners {
    const { uid, gid } = this.#kernel.describe(directory.fd);
    return { uid, gid, above: () => this.#kernel.ownersAbove(directory.fd, levels) };
  }

  writeMaps(namespace: Descriptor, maps: NamespaceMaps, denySetgroups: boolean): void {
    this.#ask((socket) => this.#kernel.helperWriteMaps(socket, namespace.fd, maps, denySetgroups));
  }

  /** Whether any ID of a holding is mapped in it: asked where a write may have been cut off. */
  isMapped(namespace: Descriptor, holding: Holding): boolean {
    return shareIds(this.readMaps(namespace), mapsOf(holding));
  }

  /**
   * Settles what a process that died has left open: on record, but not known to be mapped. Maps once written stay, so either they are
   * there, or nothing ever was.
   */
  settle(holding: Holding, namespace: Descriptor): 'mapped' | 'undone' {
    if (this.isMapped(namespace, holding)) {
      this.#registry.mapped(holding.namespace);
      return 'mapped';
    }
    this.#registry.undo(holding.namespace);
    return 'undone';
  }

  #ask<T>(question: (socket: number) => T): T {
    try {
      return question(this.#helper.socket);
    } catch (thrown) {
      if (isHelperLost(thrown)) this.#helper.lost();
      throw thrown;
    }
  }

  #liesInTransient(namespace: Descriptor): boolean {
    let below = namespace.duplicate();
    try {
      for (let depth = 0; depth < maxDepth; depth++) {
        const fd = this.#kernel.namespaceParent(below.fd);
        if (fd === null) return false;
        below.close();
        below = new Descriptor(fd);
        if (this.isOwn(below)) return false;
        const holding = this.recognise(below);
        if (holding !== undefined && isTransient(holding)) return true;
      }
      throw new PosternError('INTERNAL');
    } finally {
      below.close();
    }
  }

  /**
   * Inodes are given to other namespaces almost at once. A namespace that was mapped stays mapped as it was, so one that has other
   * maps, or none, is another, and the one on record is gone.
   */
  #recogniseByInode(namespace: Descriptor, inode: string): Holding | undefined {
    const holding = this.#registry.tree.onInode(inode);
    if (holding?.ended === true) return undefined;
    if (holding === undefined || !holding.mapped || this.isMapped(namespace, holding)) return holding;
    this.#ended(holding.namespace);
    return undefined;
  }

  #kernelName({ fd }: Descriptor): string {
    const id = this.#kernel.namespaceId(fd);
    return id === null ? `ino:${this.#kernel.describe(fd).inode}` : `id:${id}`;
  }
}

/** What is, or is to be, mapped in the namespace of a holding, in the host's terms. */
export function mapsOf(holding: Holding): NamespaceMaps {
  return namespaceMaps({ ...holding, self: { uid: holding.owner, gid: holding.group } });
}

/** Whether it was given IDs itself, for its own use or to pass on. */
export function hasRange({ start, delegated }: Holding): boolean {
  return start !== null || delegated.length > 0;
}

/** Whether IDs that we gave out are mapped in it. A node's children hold a part of what it holds. */
function isTransient(holding: Holding): boolean {
  return hasRange(holding) || holding.parent !== null;
}

/** A question that did not reach the helper, or an answer that did not come back: what was asked for may still be done. */
function isHelperLost(thrown: unknown): boolean {
  return isSystemError(thrown) && ['sendmsg', 'recvmsg'].includes(thrown.syscall);
}
