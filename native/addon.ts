/**
 * The addon's surface: what goes in, what comes out. Descriptors are plain numbers; whoever receives one owns it. All are
 * close-on-exec. A failed system call throws a SystemError; an argument of the wrong type throws a TypeError before anything is done.
 */
import type { BlockDevices } from './block-devices.ts';
import type { NetworkDevices } from './network-devices.ts';

export type * from './block-devices.ts';
export type * from './network-devices.ts';

/** What a failed system call throws. The message is for people: `ENOENT: No such file or directory, openat`. */
export interface SystemError extends Error {
  /** `EPERM` and so on */
  readonly code: string;
  /** negative, as in Node's own errors */
  readonly errno: number;
  /** the call that failed; of the helper's calls, the step that failed */
  readonly syscall: string;
}

/** What the kernel says a descriptor is. */
export interface DescriptorFacts {
  /** `process`: a pidfd; `namespace`: open for use, not only by O_PATH */
  readonly type: 'regular' | 'directory' | 'block' | 'character' | 'socket' | 'fifo' | 'symlink' | 'namespace' | 'process' | 'other';
  /** F_GETFL as it is, O_PATH included */
  readonly flags: number;
  /** `path`: neither readable nor writable */
  readonly access: 'read' | 'write' | 'read-write' | 'path';
  /** st_dev */
  readonly device: bigint;
  readonly inode: bigint;
  /** st_rdev: which device a node stands for, major and minor number in one (`deviceNumber`); 0 of what is no node */
  readonly rdev: bigint;
  /** in bytes; of a block device, its capacity. Beyond 2^53 no longer a safe integer: check before use */
  readonly size: number;
  /** f_type of statfs; see `fileSystemMagics` */
  readonly fileSystemMagic: number;
  /** CLONE_NEW* of a namespace descriptor, else 0; see `namespaceTypes` */
  readonly namespaceType: number;
  /** st_mode, the type's bits included */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** it is the root of its mount, as the descriptor of a detached mount is */
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
  /** the receiver's to close, in whatever state the message is */
  readonly descriptors: number[];
  /** the packet did not fit the buffer */
  readonly truncated: boolean;
  /** descriptors did not fit and were dropped by the kernel */
  readonly controlTruncated: boolean;
}

export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Level-triggered readiness of one descriptor, on this thread's loop. Does not own the descriptor. Keeps the loop alive only while it watches. */
export interface Poller {
  /** Which events to hear; all false pauses. `hangUp`: both directions have ended, or urgent data came; half an end is readable. */
  watch(readable: boolean, writable: boolean, hangUp?: boolean): void;
  /** no event after this; the descriptor may be closed next. A second time is nothing */
  close(): void;
}

/** One line of /proc/PID/uid_map. `outside` is in the terms of the parent namespace when written, in ours when read. */
export interface IdMapLine {
  readonly inside: number;
  readonly outside: number;
  readonly length: number;
}

export interface NamespaceMaps {
  readonly uid: readonly IdMapLine[];
  readonly gid: readonly IdMapLine[];
}

/** How the blocks of a verity tree are hashed: the salt comes first. */
export interface VerityParameters {
  readonly algorithm: 'sha256' | 'sha512';
  readonly salt: Uint8Array;
  /** in bytes */
  readonly blockSize: number;
}

/** The addon's own table; `native/src/addon.cc` exports exactly these. */
export interface Addon extends BlockDevices, NetworkDevices {
  /** raised with every change of this table, so that an old build is told apart at load */
  readonly abi: number;

  // ── descriptors
  close(fd: number): void;
  /** F_DUPFD_CLOEXEC; never 0, 1 or 2 */
  duplicate(fd: number): number;
  describe(fd: number): DescriptorFacts;
  /**
   * True when any other open file description (a mount, a loop device, a process) has this regular file open, found out by asking for
   * a write lease (F_SETLEASE). The caller must own the file, else EACCES. Does not wait, and keeps no lease.
   */
  isOpenElsewhere(fd: number): boolean;
  /** Gives an O_TMPFILE file its name; false when the name exists. Through /proc/self/fd, so no capability is needed. */
  linkDescriptor(fd: number, directoryFd: number, name: string): boolean;
  /** FICLONERANGE; all in bytes. Falling back to a copy is the caller's matter: EOPNOTSUPP, EXDEV. */
  cloneRange(sourceFd: number, sourceOffset: number, length: number, targetFd: number, targetOffset: number): void;
  /** flock(2), exclusive and without waiting: false while another open file holds it. Held until the descriptor and its duplicates are closed. */
  lock(fd: number): boolean;
  /** FD_CLOEXEC of a descriptor that came from outside (socket activation), or is to go on to a program */
  setCloseOnExec(fd: number, on: boolean): void;

  // ── sockets: non-blocking, and never a signal
  /** SOCK_SEQPACKET with send and receive buffers for `bufferBytes`; ENOBUFS where net.core.wmem_max allows less and CAP_NET_ADMIN is missing. */
  socketPair(bufferBytes: number): [number, number];
  /**
   * A listening stream socket at a path (`@name`: abstract), whose file has exactly `mode`. A socket file that nobody listens on is
   * replaced; a live one, or anything else at the path, is EADDRINUSE. ENAMETOOLONG from 108 bytes on.
   */
  listen(path: string, mode: number, backlog: number): number;
  /** Waits up to 5 s for a place in a full backlog, then throws EAGAIN. ECONNREFUSED: nobody listens. */
  connect(path: string): number;
  /** null when nobody waits */
  accept(listener: number): number | null;
  /** SO_PEERCRED: who it was at connect. Of a socketpair, who made it. */
  peerCredentials(socket: number): PeerCredentials;
  /** A pidfd by SO_PEERPIDFD (6.5+), else by pidfd_open of the peer's pid; null when the peer is gone. */
  peerProcess(socket: number): number | null;
  /** SO_COOKIE in decimal: no other socket of this boot has the same */
  socketCookie(socket: number): string;
  /**
   * One sendmsg. Bytes taken (of a stream, possibly fewer than given; the descriptors went with the first), or null when it would
   * block and nothing was taken. EINVAL: no data. EMSGSIZE: larger than the buffer. At most 253 descriptors, which stay the caller's.
   */
  send(socket: number, data: Uint8Array, descriptors: readonly number[]): number | null;
  /** One recvmsg into `buffer`; null when nothing waits. Never more than `maxDescriptors`. */
  receive(socket: number, buffer: Uint8Array, maxDescriptors: number): ReceivedMessage | null;
  shutdownWrite(socket: number): void;
  /** One datagram to a Unix socket by its path (`@name`: abstract), as sd_notify wants it. Throws EAGAIN where its queue is full. */
  sendDatagram(path: string, data: Uint8Array, descriptors: readonly number[]): void;
  /** What waits on a stream, left there for `receive`, descriptors too. Bytes, 0 at end of file, null when nothing waits. */
  peek(socket: number, buffer: Uint8Array): number | null;
  /** SIOCOUTQ: how much kernel memory what the peer has not read takes; 0 when it has read everything. */
  unreadByPeer(socket: number): number;
  /** What `ready` throws is an uncaught exception. EEXIST: somebody watches the descriptor already. EPERM: it can't be polled. */
  poll(fd: number, ready: (readable: boolean, writable: boolean, hungUp: boolean) => void): Poller;

  // ── namespaces
  /** NS_GET_NSTYPE: CLONE_NEW*. Throws ENOTTY for what is not a namespace. */
  namespaceType(fd: number): number;
  /** NS_GET_OWNER_UID of a user namespace, in our own namespace's terms. EINVAL for another kind. */
  namespaceOwner(fd: number): number;
  /** NS_GET_USERNS: the user namespace that another kind of namespace belongs to; null where it is outside of our sight. */
  namespaceUser(fd: number): number | null;
  /** NS_GET_PARENT of a user namespace; null where it is outside of our sight. */
  namespaceParent(fd: number): number | null;
  /** NS_GET_ID: 64 bits that are never used again; null on kernels without it (before 6.13). */
  namespaceId(fd: number): bigint | null;
  /** An nsfs file handle (6.18+): pins nothing; null where the kernel has none. */
  namespaceHandle(fd: number): Uint8Array | null;
  /** Opens a namespace by its handle; null when it is gone (ESTALE). */
  openNamespace(handle: Uint8Array): number | null;
  /** Our own user namespace. */
  ownUserNamespace(): number;
  /**
   * The mount namespace that a process is in: PIDFD_GET_MNT_NAMESPACE (6.11+), else /proc/PID/ns/mnt with the pidfd checked after.
   * Null when the process is gone. EPERM, EACCES: it is not ours to look into.
   */
  processMountNamespace(pidfd: number, pid: number): number | null;
  /** ESRCH: no such process */
  pidfdOpen(pid: number): number;

  // ── mounts (Linux 5.12+)
  /** ENODEV: a file system that this kernel does not have */
  fsopen(type: string): number;
  fsconfigString(fsFd: number, key: string, value: string): void;
  fsconfigFlag(fsFd: number, key: string): void;
  fsconfigCreate(fsFd: number): void;
  /** the kernel's own words about a failed fsconfig, each told once */
  fsMessages(fsFd: number): string[];
  /** A detached mount; attributes: `mountAttributes`. It is gone with its last descriptor. */
  fsmount(fsFd: number, attributes: number): number;
  /** `directoryFd` null: the path is absolute, or relative to our folder. Flags: `openTreeFlags`. */
  openTree(directoryFd: number | null, path: string, flags: number): number;
  /** On the mount itself, not a path. With a user namespace, its IDs are what the mount shows (MOUNT_ATTR_IDMAP): EINVAL where it has no map, or the file system can't. */
  mountSetattr(fd: number, set: number, clear: number, userNamespaceFd: number | null, recursive: boolean): void;
  /**
   * The UIDs that own the directories above one, nearest first, at most `limit` and only those of the same mount. Needs
   * CAP_DAC_READ_SEARCH where the way up is closed to us. EOPNOTSUPP: a kernel that tells no mount (before 5.8).
   */
  ownersAbove(directoryFd: number, limit: number): number[];
  /**
   * Makes a directory for another owner, user and group alike, as the owner of the parent would: under `workName` until it is complete.
   * A descriptor of it, opened for reading. EEXIST: the name is taken. Needs CAP_SETUID, CAP_SETGID, CAP_CHOWN.
   */
  makeDirectory(parentFd: number, name: string, workName: string, mode: number, owner: number): number;

  // ── control groups (cgroup2). The number is the inode's, of 64 bits, which no other one of this boot has
  /** Opens a folder of cgroup2 for reading; null where it is gone. `mountFd`: any folder of it. Needs CAP_DAC_READ_SEARCH. */
  openControlGroup(mountFd: number, number: bigint): number | null;
  /**
   * Gives a folder, and what of it its owner must be able to write (cgroup.procs, .subtree_control, .threads), to another owner, user and
   * group alike, with modes 0755 and 0644. What was done is undone where a step fails. Needs CAP_CHOWN.
   */
  giveControlGroup(fd: number, owner: number): void;
  /**
   * Takes a folder back with all below, on a thread of libuv's pool: what is empty is removed, and what is in use becomes root's, that nobody
   * else may write. `fd` must stay open until the call has returned, not longer. Needs CAP_CHOWN, CAP_SETUID, CAP_SETGID.
   */
  takeBackControlGroup(fd: number): Promise<{ readonly removed: number; readonly kept: number }>;

  /** move_mount from a descriptor onto a path */
  moveMount(fd: number, path: string): void;
  /**
   * Grows a file system, through a mount of it that is writable, to the end of its device, which has so many bytes: ext4 (needs
   * CAP_SYS_RESOURCE), Btrfs or XFS. One that fills it already stays as it is. EOPNOTSUPP for any other.
   */
  growFileSystem(mountFd: number, type: string, bytes: number): void;
  /** flags: `unmountFlags` */
  unmount(path: string, flags: number): void;

  // ── fs-verity (Linux 5.4; signatures 5.12). Null for a file that is not sealed, or has no signature with it
  /** The file's digest, and its algorithm as linux/fsverity.h numbers them. What a file system in user space answers is its own word. */
  sealDigest(fd: number): { readonly algorithm: number; readonly digest: Uint8Array } | null;
  /** The PKCS#7 that is stored with the file. */
  sealSignature(fd: number): Uint8Array | null;

  // ── the namespace helper (native/helper): a small C process that enters strangers' namespaces so that no Node thread ever does.
  // Calls are synchronous: 0.1 to 0.5 ms. ETIMEDOUT after 5 s, EPIPE or ECONNRESET when it is gone: end it and start another.
  // Any number of threads may call one helper.
  /**
   * Starts a helper with this process's own privileges, system-call filter and view, which must show /proc. It ends with the socket,
   * and with the thread that started it. Its end is ours to reap.
   */
  spawnHelper(path: string): { readonly socket: number; readonly pid: number };
  /**
   * Writes both maps of an unmapped namespace, each of 1 to 18 lines, through its parent, at any depth. `denySetgroups` first where asked.
   * EEXIST when there is a map already; EINVAL, EPERM what the kernel says to the lines, then possibly with the uid_map written;
   * ECANCELED when somebody in the namespace killed the writer. Needs CAP_SETUID, CAP_SETGID, CAP_SYS_ADMIN; also CAP_SETFCAP for
   * a line that maps user 0 of the parent.
   */
  helperWriteMaps(helper: number, userNamespaceFd: number, maps: NamespaceMaps, denySetgroups: boolean): void;
  /** Both maps in our terms; without lines where nothing is mapped. Needs CAP_SYS_ADMIN. */
  helperReadMaps(helper: number, userNamespaceFd: number): NamespaceMaps;
  /**
   * Detached clones of 1 to 16 detached mounts of which no user namespace can clear read-only, nosuid, nodev or noexec where they are
   * set (the flags of a fresh fsmount can be). The originals are used up: close them. EINVAL: not a detached mount of a
   * directory. Needs CAP_SYS_ADMIN.
   */
  helperLockMounts(helper: number, mountFds: readonly number[]): number[];

  /**
   * A user namespace with these maps (1 to 18 lines each, in our terms) that nobody is in and only its descriptors keep: for the ID map of
   * a mount. Needs CAP_SETUID, CAP_SETGID; also CAP_SETFCAP for a line that maps our user 0.
   */
  helperMakeNamespace(helper: number, maps: NamespaceMaps): number;
  /**
   * A detached, private clone of the mount that a directory is in, with the directory as its root, `attributes` (`mountAttributes`) set beside
   * those that the mount has, and without what is mounted below. EINVAL: the directory is not in that mount namespace.
   * Needs CAP_SYS_ADMIN and CAP_SYS_CHROOT.
   */
  helperCloneDirectory(helper: number, directoryFd: number, mountNamespaceFd: number, attributes: number): number;

  // ── crypto, with the OpenSSL inside Node
  /**
   * Index of the certificate (PEM) that made the detached DER signature over `content`, or -1. The certificate itself is the trust: no
   * chain, dates or purposes are looked at, and what the signature brings along counts for nothing. Exactly one signer; SHA-256,
   * -384 or -512; at most 64 KiB without a trailing byte. What can't be read as a certificate matches nothing.
   */
  pkcs7Verify(signature: Uint8Array, content: Uint8Array, certificates: readonly string[]): number;
  /** Detached, without attributes and certificates, SHA-256, DER. PEM key (without pass phrase) and certificate; ERR_OSSL where they do not fit. */
  pkcs7Sign(content: Uint8Array, keyPem: string, certificatePem: string): Uint8Array;
  /**
   * Digests of consecutive salted blocks, SHA(salt ‖ block), behind each other, on one thread of libuv's pool. `data` is a whole number
   * of blocks, and must not be changed or transferred until the promise is settled.
   */
  hashBlocks(data: Uint8Array, parameters: VerityParameters): Promise<Uint8Array>;

  // ── processes
  /** The exit status of a child of ours that has ended, 128 + N where signal N ended it; null while it runs. Throws ECHILD for anybody else's. */
  reap(pid: number): number | null;
  /** PR_SET_DUMPABLE 0: nobody of the same uid may trace us, nor open our /proc */
  hideFromTracers(): void;
  /** execve: this process becomes another program. Every other thread ends; descriptors stay open where they are listed. Returns only by throwing. */
  execute(path: string, argv: readonly string[], environment: readonly string[], keep: readonly number[]): never;
  /**
   * Filters the system calls of every thread, for good, and sets no_new_privs: the named ones stay allowed, every other answers EPERM.
   * Names that this kernel or libseccomp does not know are passed over.
   */
  seccompAllow(systemCalls: readonly string[]): void;
  /** Tries to load a real, harmless BPF-LSM program. The errno's name, or null when it was accepted. */
  tryBpfLsm(): string | null;
}
