/**
 * Every way a request can fail, listed once. Codes are the API; the sentences are for people and may change.
 * The gateway maps each code to a Varlink error in one exhaustive table (services/gateway/errors.ts).
 */

/** What a code means and what a person can do about it. */
interface Explanation {
  readonly why: string;
  readonly next: string;
}

/** The catalogue. The keys are stable; scripts may match on them. */
export const errorCatalogue = {
  // The call itself
  INVALID_PARAMETER: { why: 'a parameter has a value that the method does not take', next: 'correct the named parameter' },
  DESCRIPTOR_INDEX: {
    why: 'a descriptor index points past the descriptors that came with the message',
    next: 'send the descriptors with the first byte of the call',
  },
  DESCRIPTOR_TYPE: { why: 'a descriptor is of the wrong type', next: 'pass the kind of file the parameter names' },
  DESCRIPTOR_FLAGS: {
    why: 'a descriptor was opened with flags or an access mode that are not safe here',
    next: 'open it again without O_PATH and readable',
  },
  PERMISSION_DENIED: { why: 'this caller may not do that', next: 'ask the operator for the permission' },
  INTERACTION_REQUIRED: {
    why: 'an administrator has to allow this, or you have to prove who you are',
    next: 'set allowInteractiveAuthentication where somebody can answer, or ask for a rule of polkit',
  },
  AUTHORITY_FAILED: {
    why: 'polkit decides about this, and could not be asked',
    next: 'look at the system bus and polkit (`systemctl status dbus polkit`), then try again',
  },
  LIMIT_REACHED: { why: 'this user has reached a limit', next: 'end something first, or ask the operator to raise the limit' },
  NOT_IMPLEMENTED: { why: 'this method is not served yet', next: 'see `postern doctor` for what is' },
  TIMED_OUT: { why: 'the request was not done before its deadline', next: 'try again; `postern status` shows what is slow' },
  CANCELLED: { why: 'the client went away', next: 'nothing: the request was undone' },
  SERVICE_DIED: { why: 'the process that held the request died', next: 'try again; the process has been restarted' },
  SERVICE_UNAVAILABLE: { why: 'a part of the gateway is not running', next: 'look at `postern status` and the log' },
  INTERNAL: { why: 'a bug in Postern', next: 'report it with the log of this request' },

  // The user namespace and its range
  NAMESPACE_NOT_USER: { why: 'the descriptor is not a user namespace', next: 'pass /proc/PID/ns/user of the new namespace' },
  NAMESPACE_NOT_YOURS: { why: 'the user namespace belongs to another user', next: 'pass one that you created' },
  NAMESPACE_IS_CALLERS: { why: 'the user namespace is the one Postern itself runs in', next: 'create a child namespace and pass that' },
  NAMESPACE_NOT_EMPTY: { why: 'the user namespace has a mapping already', next: 'pass a namespace that nobody has mapped' },
  NAMESPACE_UNMAPPED: { why: 'the user namespace has no IDs mapped', next: 'allocate a range for it first' },
  NAMESPACE_GONE: { why: 'the user namespace ended while the request was under way', next: 'keep a process or descriptor in it' },
  NAMESPACE_EXISTS: { why: 'the user namespace holds a range already', next: 'create a new namespace' },
  NAMESPACE_NOT_REGISTERED: { why: 'the user namespace was not registered here', next: 'allocate a range for it, or register it, first' },
  NAMESPACE_WITHOUT_RANGE: { why: 'the user namespace has no range of ours', next: 'allocate one for it, of type managed' },
  NAMESPACE_NOT_OWN_ID: {
    why: "the user namespace does not map the caller's own user and group first",
    next: 'map your own IDs, users and groups alike, to 0 where you map more than one',
  },
  NAMESPACE_NOT_ONE_RANGE: {
    why: 'the user namespace does not have one range of 65536 IDs from 0 on',
    next: 'allocate one for it, or mount with mode identity',
  },
  NAME_INVALID: {
    why: 'the name is not usable as part of a user name',
    next: 'use up to 21 characters of a-z, 0-9 and -, or set mangleName',
  },
  NAME_EXISTS: { why: 'another namespace has this name', next: 'choose another name, or set mangleName' },
  RANGE_NOT_DELEGATED: { why: 'the parent namespace has no ranges to give', next: 'allocate the parent with delegateContainerRanges' },
  RANGES_EXHAUSTED: { why: 'every range of the pool is held', next: 'end a namespace, or give the pool more ranges' },
  RANGES_USED_UP: {
    why: 'this kernel takes no BPF-LSM program, so ranges are never used twice, and all have been used',
    next: 'give the pool more ranges (`pools` of `[allocator]`), or start a kernel that takes BPF-LSM programs',
  },
  NETWORK_NOT_OF_NAMESPACE: {
    why: 'the network namespace does not belong to the user namespace',
    next: 'make it inside of the user namespace: unshare both at once, or the user namespace first',
  },
  INTERFACE_NAME: {
    why: 'a network interface can not have this name',
    next: 'use 1 to 15 printable characters of ASCII without a space and / : %, not only digits',
  },
  TOO_MANY_INTERFACES: {
    why: 'the user namespace has as many network interfaces as one may have',
    next: 'there are 16 for each namespace',
  },
  INTERFACE_FAILED: {
    why: 'the kernel refused to make the network interface',
    next: 'the error and what was asked for are in the message; EEXIST says that a name is taken',
  },
  TOO_MANY_DELEGATIONS: { why: 'more ranges were asked for than one namespace may have', next: 'ask for at most 16' },

  // Records of users and groups
  RECORD_SERVICE: { why: 'another user database was asked for', next: 'give the name of the link to the socket as `service`' },
  RECORD_NOT_FOUND: { why: 'no range that is held has such a user or group', next: 'look for it in the other user databases' },
  RECORD_CONFLICT: { why: 'the ID and the name belong to different records', next: 'look for one of the two only' },
  RECORDS_NOT_LISTED: { why: 'there are too many records to list them', next: 'ask for one ID or name' },

  // The image
  IMAGE_TOO_SHORT: { why: 'the image ends before its partition table says', next: 'fetch the image again' },
  IMAGE_UNREADABLE: { why: 'the image could not be read', next: 'look for errors of the disk or file system that it lies on' },
  IMAGE_CHANGED: { why: 'the image changed while it was read', next: 'wait for whoever writes it, then try again' },
  IMAGE_IN_USE: {
    why: 'the image is mounted for reading only elsewhere, and here for writing, or the other way round',
    next: 'end the other mounts of it first, or ask for the same',
  },
  IMAGE_TOO_LARGE: { why: 'the image is larger than the operator allows', next: 'raise verity.store.max_image_size' },
  IMAGE_NOT_RECOGNISED: { why: 'neither a partition table nor a known file system was found', next: 'look at it with `postern inspect`' },
  TABLE_BROKEN: { why: 'both the primary and the backup partition table are broken', next: 'make the image again' },
  TABLE_ENTRIES: { why: 'the partition table claims a number or size of entries that no sound table has', next: 'make the image again' },
  PARTITION_BOUNDS: { why: 'a partition lies outside the image', next: 'make the image again' },
  PARTITION_OVERLAP: { why: 'two partitions overlap', next: 'make the image again' },
  PARTITION_AMBIGUOUS: { why: 'two partitions claim the same role', next: 'leave one per role and architecture' },
  ROOT_MISSING: { why: 'there is no root or usr partition for this architecture', next: 'make an image for this machine' },
  FILE_SYSTEM_UNKNOWN: {
    why: 'the file system is not one that Postern mounts',
    next: 'use erofs, squashfs, ext4, xfs, btrfs, f2fs or vfat',
  },
  FILE_SYSTEM_UNCLEAN: {
    why: 'the file system says that it needs a check before it is written to',
    next: 'check it with fsck, or ask for a read-only mount',
  },
  VERITY_SUPERBLOCK: { why: 'the verity superblock is not valid', next: 'make the image again' },
  VERITY_DATA: { why: 'the data does not have the hash that was signed', next: 'the image is damaged or was changed: fetch it again' },
  VERITY_TREE: { why: 'the hash tree does not have the hash that was signed', next: 'the image is damaged or was changed: fetch it again' },
  SIGNATURE_MISSING: { why: 'the image is not signed', next: 'sign it with `postern build --key --cert`' },
  SIGNATURE_DOCUMENT: { why: 'the signature partition does not hold a valid document', next: 'sign the image again' },
  SIGNATURE_INVALID: { why: 'the signature is not valid for this root hash', next: 'sign the image again' },
  SIGNATURE_OTHER_IMAGE: { why: 'the signature document belongs to another image', next: 'sign this image' },
  SIGNER_UNKNOWN: {
    why: 'no trusted certificate made the signature',
    next: "put the signer's certificate into /etc/verity.d, or serve with --trust",
  },
  POLICY_INVALID: { why: 'the image policy cannot be read', next: 'see the grammar in docs/images.md' },
  POLICY_DENIED: { why: 'the image policy does not allow this image', next: 'see `postern inspect` for what the policy met' },
  LUKS_HEADER: { why: 'the LUKS header is not valid', next: 'the image is damaged: fetch it again' },
  LUKS_UNSUPPORTED: {
    why: 'the encrypted volume is of a kind that Postern does not open',
    next: 'use LUKS2 or LUKS1 with aes-xts-plain64 and without integrity, as `cryptsetup luksFormat` does by default',
  },
  LUKS_COST: {
    why: 'trying a password would take more memory or time than the operator allows',
    next: 'add the password anew with less (`cryptsetup luksChangeKey --pbkdf-memory` or `--iter-time`), or raise verity.unlock_memory',
  },
  ENCRYPTION_UNSUPPORTED: {
    why: 'this kernel can not open encrypted images',
    next: 'serve with a kernel that has dm-crypt and its keyring',
  },
  PASSWORD_MISSING: { why: 'the image is encrypted, and no password came with the call', next: 'pass its password' },
  PASSWORD_WRONG: { why: 'the password opens none of the keyslots', next: 'pass the right one' },
  STORE_FULL: { why: 'the verified store has no room that is not in use', next: 'raise verity.store.max_size, or end containers' },

  // The directory
  DIRECTORY_NOT_YOURS: {
    why: 'the directory is neither yours nor one of the foreign range in a directory of yours',
    next: 'pass one that you own',
  },
  DIRECTORY_TRANSIENT: {
    why: "the directory's owner is an ID of a range, which ends with its namespace",
    next: 'pass one of the foreign range, or of a lasting user',
  },
  DIRECTORY_ELSEWHERE: {
    why: "the directory does not lie in the caller's mount namespace",
    next: 'connect from the mount namespace that it was opened in',
  },
  DIRECTORY_NAME: { why: 'a directory can not have this name', next: 'use 1 to 255 bytes without a slash, other than . and ..' },
  DIRECTORY_FAILED: {
    why: 'the kernel refused to make the directory',
    next: 'the system call and its error are in the message; EEXIST says that the name is taken',
  },

  // The control group
  CONTROL_GROUP_NOT_YOURS: { why: 'the control group belongs to another user', next: 'pass one that was delegated to you' },
  CONTROL_GROUP_ROOT: { why: 'the root of all control groups can not be given away', next: 'make one below it and pass that' },
  CONTROL_GROUP_ADDED: { why: 'a namespace has this control group already', next: 'nothing, or pass another one' },
  CONTROL_GROUPS_TOO_MANY: { why: 'the user namespace has as many control groups as one may have', next: 'add at most 16' },
  CONTROL_GROUPS_ABSENT: { why: 'this machine has no mount of cgroup2', next: 'mount it, and start Postern again' },
  CONTROL_GROUP_FAILED: {
    why: 'the kernel refused to give the control group away',
    next: 'the system call and its error are in the message',
  },

  // The mount
  MOUNT_OPTION: { why: 'a mount option was asked for that may not be set', next: 'leave the named option out' },
  MOUNT_FAILED: { why: 'the kernel refused the mount', next: 'the system call and its error are in the message' },
} as const satisfies Record<string, Explanation>;

/** A code that scripts, logs and clients can rely on. */
export type ErrorCode = keyof typeof errorCatalogue;

/** Every code, for validation at the mesh's edge. */
export const errorCodes = Object.freeze(Object.keys(errorCatalogue)) as readonly ErrorCode[];

/** True for a string that is one of the catalogue's codes. */
export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(errorCatalogue, value);
}

/** A failure with a literal code: the only kind of error that crosses from one process to another. */
export class PosternError extends Error {
  override readonly name = 'PosternError';

  /**
   * @param code the stable code
   * @param detail what exactly was met, in a few words; goes to the caller, so never a secret or a host path
   * @param parameter the Varlink parameter at fault, where there is one
   */
  constructor(
    readonly code: ErrorCode,
    readonly detail = '',
    readonly parameter?: string,
  ) {
    super(detail === '' ? errorCatalogue[code].why : `${errorCatalogue[code].why}: ${detail}`);
  }

  /** What the reader can do next. */
  get next(): string {
    return errorCatalogue[this.code].next;
  }
}

/** Turns anything thrown into a PosternError; what is not one already is a bug and says so without its inner text. */
export function asPosternError(thrown: unknown): PosternError {
  return thrown instanceof PosternError ? thrown : new PosternError('INTERNAL');
}
