/** What the messages of protocol.ts are made of: the shapes that several of them share. */
import * as v from 'valibot';

export const text = (max: number) => v.pipe(v.string(), v.maxLength(max));
export const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));
export const bytes = count(Number.MAX_SAFE_INTEGER);

/** The largest UID and GID that can be mapped: 2^32-1 means "no id" to the kernel. */
export const id = count(0xffff_fffe);

/** Given by the gateway; unique over its restarts (its generation in the upper bits). */
export const request = v.pipe(v.number(), v.integer(), v.minValue(1));

/** Absolute, in milliseconds of CLOCK_MONOTONIC, which all processes of a machine share. Only the gateway acts on it being over. */
export const deadline = v.pipe(v.number(), v.minValue(0));

/** The 64-bit kernel id (`id:N`), or inode and generation (`ino:N+G`) where the kernel has none. */
export const namespace = text(64);

/** The longest password; keys are far shorter. */
export const maxSecretBytes = 4096;
/** In no log, and wiped after use by each who had it. */
export const secret = v.pipe(v.instance(Uint8Array), v.maxLength(maxSecretBytes));

/** Deep enough for any configuration or report of ours. */
const maxDepth = 16;

/** What JSON can say and nothing else: no date, no big integer, nothing circular. */
const isPlain = (value: unknown, depth = 0): boolean =>
  value === null ||
  ['boolean', 'number', 'string'].includes(typeof value) ||
  (depth < maxDepth &&
    typeof value === 'object' &&
    (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) &&
    Object.values(value).every((inner) => isPlain(inner, depth + 1)));
export const plainObject = v.pipe(
  v.record(v.string(), v.unknown()),
  v.check((value) => isPlain(value)),
);

/** Who called, as the socket saw it at connect time. */
export const peer = v.strictObject({ uid: id, gid: id, pid: count(0x7fff_ffff) });
export type Peer = v.InferOutput<typeof peer>;

/**
 * What polkit has to do with a request: null where nobody asked it. Otherwise it has allowed what was asked for, and a stage that would refuse
 * an untrusted image or directory may ask it about that, unless that is what was allowed.
 */
export const consult = v.nullable(v.strictObject({ interactive: v.boolean(), untrusted: v.boolean() }));
export type Consult = v.InferOutput<typeof consult>;

/** The namespace a mount is for. `transient`: it, or an ancestor, holds a range of ours. */
export const holder = v.strictObject({ namespace, transient: v.boolean() });
export type Holder = v.InferOutput<typeof holder>;

/** MountImage's parameters after the gateway checked them, without descriptors. */
export const imageOptions = v.strictObject({
  readOnly: v.boolean(),
  growFileSystems: v.boolean(),
  imagePolicy: v.nullable(text(4096)),
  /** designator (with underscores) to options */
  mountOptions: v.record(text(32), text(1024)),
  relaxExtensionReleaseChecks: v.boolean(),
  veritySharing: v.boolean(),
  verityRootHash: v.nullable(text(128)),
  verityRootHashSignature: v.nullable(text(1 << 16)),
  /** the file's base name for the reply, where the kernel tells it */
  imageName: v.nullable(text(255)),
});
export type ImageOptions = v.InferOutput<typeof imageOptions>;

/** A dm-verity device over the caller's own file; indices point into the message's descriptors. */
export const verityDevice = v.strictObject({
  kind: v.literal('verity-device'),
  descriptor: count(252),
  hashDescriptor: count(252),
  dataOffset: bytes,
  dataSize: bytes,
  /** where the tree's superblock lies */
  hashOffset: bytes,
  hashSize: bytes,
  rootHash: text(128),
  salt: text(512),
  algorithm: text(32),
  dataBlockSize: count(1 << 20),
  hashBlockSize: count(1 << 20),
  /** detached PKCS#7 for the kernel's keyrings, or none where certificates alone decide */
  signature: v.nullable(v.instance(Uint8Array)),
  /** a certificate of the operator's made it: the kernel need not know the signer */
  trusted: v.boolean(),
});

/** What a file system is mounted from; indices point into the message's descriptors. */
const source = v.variant('kind', [
  /** a file that nobody can write, or nobody but verity, holding just the file system */
  v.strictObject({ kind: v.literal('file'), descriptor: count(252) }),
  /** a part of a file that the kernel lets nobody change, or nobody but root. `shared`: with other mounts of the same part */
  v.strictObject({ kind: v.literal('part'), descriptor: count(252), offset: bytes, size: bytes, shared: v.boolean() }),
  verityDevice,
  /** a dm-crypt device over the encrypted segment of a volume, which verity has opened */
  v.strictObject({
    kind: v.literal('crypt-device'),
    descriptor: count(252),
    offset: bytes,
    size: bytes,
    sectorSize: count(4096),
    tweak: bytes,
    key: secret,
  }),
]);
export type MountSource = v.InferOutput<typeof source>;

const partition = v.strictObject({
  designator: text(32),
  number: v.nullable(count(1024)),
  architecture: v.nullable(text(32)),
  uuid: v.nullable(text(36)),
  label: v.nullable(text(36)),
  fileSystem: text(16),
  size: bytes,
  offset: bytes,
  writable: v.boolean(),
  /** make the file system fill its part */
  grow: v.boolean(),
  noSuid: v.boolean(),
  noExec: v.boolean(),
  noSymlinks: v.boolean(),
  /** file-system options that every mount of this partition has */
  options: v.array(text(128)),
  /** and those that this caller asks for: with any, the mount has a superblock of its own, so that they are nobody else's */
  asked: v.array(text(128)),
  mountPoints: v.array(text(255)),
  source,
});
export type PlannedPartition = v.InferOutput<typeof partition>;

const imageFacts = v.strictObject({
  singleFileSystem: v.boolean(),
  imagePolicy: text(4096),
  imageSize: bytes,
  sectorSize: count(1 << 16),
  imageName: v.nullable(text(255)),
  imageUuid: v.nullable(text(36)),
});
export type ImageFacts = v.InferOutput<typeof imageFacts>;

/** What verity decided, for the mounter to carry out without a further thought. */
export const plan = v.strictObject({ image: imageFacts, partitions: v.pipe(v.array(partition), v.minLength(1), v.maxLength(16)) });
export type MountPlan = v.InferOutput<typeof plan>;

const mountedPartition = v.strictObject({
  ...v.omit(partition, ['source', 'options', 'asked', 'grow']).entries,
  /** it fills its part, as was asked */
  grown: v.boolean(),
});

/** A mounted partition: what MountImage tells the client. The i-th mount descriptor belongs to the i-th. */
export const mounted = v.strictObject({
  image: imageFacts,
  partitions: v.pipe(v.array(mountedPartition), v.minLength(1), v.maxLength(16)),
});
export type MountedImage = v.InferOutput<typeof mounted>;

/** IFNAMSIZ, less the NUL */
export const interfaceName = text(15);
export const interfaceKind = v.picklist(['veth', 'tap']);

/** The end of an interface that the host has. */
export const networkInterface = v.strictObject({
  name: interfaceName,
  /** ALTIFNAMSIZ, less the NUL: the same for people, with the namespace's own name in it */
  alternative: text(127),
});
export type NetworkInterface = v.InferOutput<typeof networkInterface>;
