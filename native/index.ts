/**
 * The edge to the kernel: typed wrappers over the addon. Each function converts its arguments, makes the system call and
 * converts the answer; what may be called when is decided elsewhere. A failed call throws a SystemError (code, errno, syscall).
 * Descriptors are plain numbers here; whoever receives one owns it (mesh/descriptors.ts gives it its one owner).
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a failed system call throws. */
export interface SystemError extends Error {
  /** `EPERM` and so on */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

/** True for the error of a failed system call. */
export function isSystemError(thrown: unknown): thrown is SystemError {
  return thrown instanceof Error && 'syscall' in thrown && 'code' in thrown && typeof thrown.code === 'string';
}

/** What the kernel says a descriptor is. */
export interface DescriptorFacts {
  readonly type: 'regular' | 'directory' | 'block' | 'character' | 'socket' | 'fifo' | 'symlink' | 'namespace' | 'process' | 'other';
  /** F_GETFL as it is, O_PATH included */
  readonly flags: number;
  readonly access: 'read' | 'write' | 'read-write' | 'path';
  readonly device: bigint;
  readonly inode: bigint;
  /** in bytes; of a block device, its capacity */
  readonly size: number;
  /** f_type of statfs */
  readonly fileSystemMagic: number;
  /** CLONE_NEW* of a namespace descriptor, else 0 */
  readonly namespaceType: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** the namespace of this descriptor (`isMountRoot`: the descriptor is the root of its mount) */
  readonly isMountRoot: boolean;
  /** SO_ACCEPTCONN: a socket on which connections can be accepted */
  readonly listening: boolean;
  /** SO_TYPE, null for what is not a socket */
  readonly socketType: 'stream' | 'seqpacket' | 'datagram' | 'other' | null;
  /** SO_DOMAIN is AF_UNIX */
  readonly isUnixSocket: boolean;
}

export interface ReceivedMessage {
  /** 0 at end of file */
  readonly bytes: number;
  readonly descriptors: number[];
  /** the frame did not fit the buffer */
  readonly truncated: boolean;
  /** descriptors did not fit and were dropped by the kernel */
  readonly controlTruncated: boolean;
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Level-triggered readiness of one descriptor, on this thread's loop. Does not own the descriptor. Does not keep the loop alive after `close`. */
export interface Poller {
  /** Which events to hear; all false pauses. `hangUp`: both directions have ended, or urgent data came; half an end is readable. */
  watch(readable: boolean, writable: boolean, hangUp?: boolean): void;
  /** no event after this; the descriptor may be closed next */
  close(): void;
}

export interface LoopOptions {
  readonly readOnly: boolean;
  readonly autoclear: boolean;
  readonly directIo: boolean;
  readonly offset: number;
  /** 0 means up to the end */
  readonly sizeLimit: number;
  readonly blockSize: number;
}

/** What a loop device stands on. */
export interface LoopStatus {
  /** st_dev and st_ino of the backing file */
  readonly device: bigint;
  readonly inode: bigint;
  readonly readOnly: boolean;
  readonly autoclear: boolean;
  readonly offset: number;
  readonly sizeLimit: number;
}

/** One line of /proc/PID/uid_map. */
export interface IdMapLine {
  readonly inside: number;
  readonly outside: number;
  readonly length: number;
}

export interface NamespaceMaps {
  readonly uid: readonly IdMapLine[];
  readonly gid: readonly IdMapLine[];
}

export interface VerityParameters {
  readonly algorithm: 'sha256' | 'sha512';
  readonly salt: Uint8Array;
  readonly blockSize: number;
}

/** The addon's own table; `native/src/addon.cc` exports exactly these. */
export interface Addon {
  /** raised with every change of this table, so that an old build is told apart at load */
  readonly abi: number;

  // ── descriptors
  close(fd: number): void;
  /** F_DUPFD_CLOEXEC */
  duplicate(fd: number): number;
  describe(fd: number): DescriptorFacts;
  /** True when any other open file description (a mount, a loop device, a process) has this regular file open; by F_SETLEASE(F_WRLCK), kernel 3.15+. The caller must own the file. */
  isOpenElsewhere(fd: number): boolean;
  /** Gives an O_TMPFILE file its name; false when the name exists. Through /proc/self/fd, so no capability is needed. */
  linkDescriptor(fd: number, directoryFd: number, name: string): boolean;
  /** FICLONERANGE, falling back to copy_file_range is the caller's matter. */
  cloneRange(sourceFd: number, sourceOffset: number, length: number, targetFd: number, targetOffset: number): void;
  /** flock(2), exclusive and without waiting: false while another open file holds it. Held until the descriptor and its duplicates are closed. */
  lock(fd: number): boolean;
  /** FD_CLOEXEC of a descriptor that came from outside (socket activation), or is to go on to a program */
  setCloseOnExec(fd: number, on: boolean): void;

  // ── sockets
  /** SOCK_SEQPACKET, close-on-exec, non-blocking, with send and receive buffers for `bufferBytes`. */
  socketPair(bufferBytes: number): [number, number];
  /** A listening stream socket at a path; an abandoned socket file there is replaced, a live one is EADDRINUSE. */
  listen(path: string, mode: number, backlog: number): number;
  connect(path: string): number;
  /** Non-blocking accept; null when nobody waits. The descriptor is non-blocking and close-on-exec. */
  accept(listener: number): number | null;
  /** SO_PEERCRED */
  peerCredentials(socket: number): PeerCredentials;
  /** SO_PEERPIDFD (6.5+), else pidfd_open of the peer's pid; null when the peer is gone. */
  peerProcess(socket: number): number | null;
  /** SO_COOKIE in decimal */
  socketCookie(socket: number): string;
  /** One sendmsg with MSG_NOSIGNAL. Bytes taken, or null when it would block. */
  send(socket: number, data: Uint8Array, descriptors: readonly number[]): number | null;
  /** One recvmsg with MSG_CMSG_CLOEXEC into `buffer`; null when it would block. */
  receive(socket: number, buffer: Uint8Array, maxDescriptors: number): ReceivedMessage | null;
  shutdownWrite(socket: number): void;
  /** One datagram to a Unix socket by its path (`@name`: abstract), as sd_notify wants it. Throws EAGAIN where its queue is full. */
  sendDatagram(path: string, data: Uint8Array, descriptors: readonly number[]): void;
  /** What waits on a stream, left there for `receive`, descriptors too. Bytes, 0 at end of file, null when nothing waits. */
  peek(socket: number, buffer: Uint8Array): number | null;
  /** SIOCOUTQ: how much kernel memory what the peer has not read takes; 0 when it has read everything. */
  unreadByPeer(socket: number): number;
  poll(fd: number, ready: (readable: boolean, writable: boolean, hungUp: boolean) => void): Poller;

  // ── namespaces
  /** NS_GET_NSTYPE; throws ENOTTY for what is not a namespace. */
  namespaceType(fd: number): number;
  /** NS_GET_OWNER_UID of a user namespace, in our own namespace's terms. */
  namespaceOwner(fd: number): number;
  /** NS_GET_PARENT of a user namespace; null where it is outside of our sight. */
  namespaceParent(fd: number): number | null;
  /** NS_GET_ID (6.13+), else null. */
  namespaceId(fd: number): bigint | null;
  /** An nsfs file handle (6.18+): pins nothing; null where the kernel has none. */
  namespaceHandle(fd: number): Uint8Array | null;
  /** Opens a namespace by its handle; null when it is gone (ESTALE). */
  openNamespace(handle: Uint8Array): number | null;
  /** Our own user namespace. */
  ownUserNamespace(): number;
  /** The user namespace that a process runs in: PIDFD_GET_USER_NAMESPACE (6.11+), else /proc/PID/ns/user with the pidfd checked after. Null when the process is gone. */
  processUserNamespace(pidfd: number, pid: number): number | null;
  pidfdOpen(pid: number): number;

  // ── mounts
  fsopen(type: string): number;
  fsconfigString(fsFd: number, key: string, value: string): void;
  fsconfigFlag(fsFd: number, key: string): void;
  fsconfigCreate(fsFd: number): void;
  /** the kernel's own words about a failed fsconfig, read from the context */
  fsMessages(fsFd: number): string[];
  /** attributes: MOUNT_ATTR_* */
  fsmount(fsFd: number, attributes: number): number;
  openTree(directoryFd: number | null, path: string, flags: number): number;
  mountSetattr(fd: number, set: number, clear: number, userNamespaceFd: number | null, recursive: boolean): void;
  /** move_mount from a descriptor onto a path */
  moveMount(fd: number, path: string): void;
  unmount(path: string, flags: number): void;

  // ── loop devices
  /** LOOP_CTL_GET_FREE on an open /dev/loop-control */
  loopGetFree(controlFd: number): number;
  loopConfigure(loopFd: number, fileFd: number, options: LoopOptions): void;
  /** LOOP_GET_STATUS64; throws ENXIO for a device without a file */
  loopStatus(loopFd: number): LoopStatus;
  loopClear(loopFd: number): void;

  // ── the namespace helper: a small C process that enters hostile namespaces so that no Node thread ever does
  /** Starts a helper with this process's own privileges and returns its socket (blocking, SEQPACKET) and pid. */
  spawnHelper(path: string): { readonly socket: number; readonly pid: number };
  /** Writes both maps of an unmapped namespace (through its parent, at any depth). Throws EEXIST when a map is there already. */
  helperWriteMaps(helper: number, userNamespaceFd: number, maps: NamespaceMaps, denySetgroups: boolean): void;
  helperReadMaps(helper: number, userNamespaceFd: number): NamespaceMaps;
  /**
   * Detached clones of 1 to 16 detached mounts of which no user namespace can clear read-only, nosuid, nodev or noexec where they are
   * set (facts: the flags of a fresh fsmount are not locked). The originals are used up: close them. ENOTDIR, EINVAL: not a detached
   * mount of a directory.
   */
  helperLockMounts(helper: number, mountFds: readonly number[]): number[];

  // ── crypto, with the OpenSSL inside Node
  /** Index of the certificate (PEM) that made the detached DER signature over `content`, or -1. Accepts no chain: the certificate itself is the trust. Trailing DER is refused. */
  pkcs7Verify(signature: Uint8Array, content: Uint8Array, certificates: readonly string[]): number;
  /** Detached, without attributes and certificates, DER. PEM key and certificate. */
  pkcs7Sign(content: Uint8Array, keyPem: string, certificatePem: string): Uint8Array;
  /** Digests of consecutive salted blocks, on libuv's pool: SHA(salt ‖ block). `data` must not be touched until it resolves. */
  hashBlocks(data: Uint8Array, parameters: VerityParameters): Promise<Uint8Array>;

  // ── processes
  /** The exit status of a child of ours that has ended, 128 + N where signal N ended it; null while it runs. Throws ECHILD for anybody else's. */
  reap(pid: number): number | null;
  /** PR_SET_DUMPABLE 0: nobody of the same uid may trace us, nor open our /proc */
  hideFromTracers(): void;
  /** execve: this process becomes another program. Every other thread ends; descriptors stay open where they are listed. Returns only by throwing. */
  execute(path: string, argv: readonly string[], environment: readonly string[], keep: readonly number[]): never;
  /** seccomp with TSYNC: the named system calls stay allowed, every other one answers EPERM. Unknown names of newer or older kernels are passed over. */
  seccompAllow(systemCalls: readonly string[]): void;
  /** Tries to load a real, harmless BPF-LSM program. The errno's name, or null when it was accepted. */
  tryBpfLsm(): string | null;
}

const abi = 2;

function load(): Addon {
  const here = dirname(fileURLToPath(import.meta.url));
  const places = [join(here, 'build/Release/postern.node'), join(here, 'postern.node')];
  const place = places.find((p) => existsSync(p));
  if (place === undefined) throw new Error('the native addon is not built: run `npm run setup`');
  const addon: Addon = createRequire(import.meta.url)(place);
  if (addon.abi !== abi) throw new Error('the native addon is of another version: run `npm run setup`');
  return addon;
}

export const native: Addon = load();
