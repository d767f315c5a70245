/** What a client is told: for every code of the catalogue the Varlink error that stands for it. A missing code does not compile. */
import { constants } from 'node:os';
import { type ErrorCode, errorCatalogue, type PosternError } from '../../mesh/errors.ts';
import type { ErrorName, Errors } from '../../varlink/method/registry.ts';

/** An error as it goes over the wire. */
export interface VarlinkError {
  readonly name: string;
  readonly parameters: object;
}

/** Builds an error with exactly the fields that its interface declares. */
export function varlinkError<N extends ErrorName>(name: N, parameters: Errors[N]): VarlinkError {
  return { name, parameters };
}

/** A refusal that is Varlink's own affair, and so has no code in Postern's catalogue. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(readonly told: VarlinkError) {
    super(told.name);
  }
}

/** What went wrong, and which method it was. */
interface Failure {
  readonly error: PosternError;
  readonly method: string;
  readonly told: Told;
}

/** Stock clients pass over these; ours show them. */
interface Told {
  readonly reason: ErrorCode;
  readonly message: string;
}

type Translation = (failure: Failure) => VarlinkError;

const mountFileSystem = 'io.systemd.MountFileSystem';

/** An error that has no fields but the two that each of ours has. */
function plain(name: ErrorName & PlainErrors): Translation {
  return ({ told }) => varlinkError(name, told);
}
type PlainErrors = { [N in ErrorName]: Told extends Errors[N] ? N : never }[ErrorName];

/** The parameter is the one that the code is about, unless whoever failed named another. */
function parameter(fallback: string): Translation {
  return ({ error, told }) => varlinkError('org.varlink.service.InvalidParameter', { parameter: error.parameter ?? fallback, ...told });
}

/** Only the mount interface declares an error for it. */
const badFlags: Translation = (failure) =>
  failure.method.startsWith(`${mountFileSystem}.`)
    ? varlinkError('io.systemd.MountFileSystem.BadFileDescriptorFlags', {
        parameter: failure.error.parameter ?? 'imageFileDescriptor',
        ...failure.told,
      })
    : parameter('userNamespaceFileDescriptor')(failure);

/** A namespace without IDs: the interface for ranges has a name for it, the one for mounts has not. */
const unmapped: Translation = (failure) =>
  failure.method.startsWith('io.systemd.NamespaceResource.')
    ? plain('io.systemd.NamespaceResource.UserNamespaceWithoutUserRange')(failure)
    : parameter('userNamespaceFileDescriptor')(failure);

/** The detail names the system call and its error: stock clients want the number. */
const systemError: Translation = ({ error, told }) => {
  const errnoName = error.detail.match(/\bE[A-Z0-9]+\b/)?.[0];
  return systemErrorNamed(errnoName ?? '', told);
};

/** What systemd's daemon, or the kernel, says by its number alone. */
function systemErrorOf(errnoName: string): Translation {
  return ({ told }) => systemErrorNamed(errnoName, told);
}

/** linux/asm-generic/errno.h; Node's table has no such. */
const errorNumbers: Readonly<Record<string, number>> = { ...constants.errno, EKEYREJECTED: 129 };

function systemErrorNamed(name: string, told: Told): VarlinkError {
  const known = errorNumbers[name];
  const [errnoName, errno] = known === undefined ? ['EIO', constants.errno.EIO] : [name, known];
  return varlinkError('io.systemd.System', { origin: 'linux', errnoName, errno, ...told });
}

const incompatible = plain('io.systemd.MountFileSystem.IncompatibleImage');
const unverified = plain('io.systemd.MountFileSystem.VerityFailure');
const namespace = parameter('userNamespaceFileDescriptor');
const controlGroup = parameter('controlGroupFileDescriptor');

/**
 * Two names look swapped: systemd's daemon answers DynamicRangeUnavailable for "the parent has nothing to give" and NoDynamicRange for
 * "all taken", against its own comments, and its clients know it that way.
 */
const table: Readonly<Record<ErrorCode, Translation>> = {
  INVALID_PARAMETER: parameter(''),
  DESCRIPTOR_INDEX: parameter(''),
  DESCRIPTOR_TYPE: parameter(''),
  DESCRIPTOR_FLAGS: badFlags,
  PERMISSION_DENIED: plain('org.varlink.service.PermissionDenied'),
  INTERACTION_REQUIRED: plain('io.systemd.InteractiveAuthenticationRequired'),
  AUTHORITY_FAILED: plain('io.postern.Gateway.ServiceUnavailable'),
  LIMIT_REACHED: plain('io.postern.Gateway.LimitReached'),
  NOT_IMPLEMENTED: ({ method }) => varlinkError('org.varlink.service.MethodNotImplemented', { method }),
  TIMED_OUT: plain('io.postern.Gateway.TimedOut'),
  CANCELLED: plain('io.postern.Gateway.Cancelled'),
  SERVICE_DIED: plain('io.postern.Gateway.ServiceDied'),
  SERVICE_UNAVAILABLE: plain('io.postern.Gateway.ServiceUnavailable'),
  INTERNAL: plain('io.postern.Gateway.Internal'),

  NAMESPACE_NOT_USER: namespace,
  NAMESPACE_NOT_YOURS: namespace,
  NAMESPACE_IS_CALLERS: namespace,
  NAMESPACE_NOT_EMPTY: namespace,
  NAMESPACE_UNMAPPED: unmapped,
  NAMESPACE_GONE: namespace,
  NAMESPACE_EXISTS: plain('io.systemd.NamespaceResource.UserNamespaceExists'),
  NAMESPACE_NOT_REGISTERED: plain('io.systemd.NamespaceResource.UserNamespaceNotRegistered'),
  NAMESPACE_WITHOUT_RANGE: plain('io.systemd.NamespaceResource.UserNamespaceWithoutUserRange'),
  NAMESPACE_NOT_OWN_ID: namespace,
  NAMESPACE_NOT_ONE_RANGE: namespace,
  NAME_INVALID: parameter('name'),
  NAME_EXISTS: plain('io.systemd.NamespaceResource.NameExists'),
  RANGE_NOT_DELEGATED: plain('io.systemd.NamespaceResource.DynamicRangeUnavailable'),
  RANGES_EXHAUSTED: plain('io.systemd.NamespaceResource.NoDynamicRange'),
  RANGES_USED_UP: plain('io.systemd.NamespaceResource.NoDynamicRange'),
  NETWORK_NOT_OF_NAMESPACE: parameter('networkNamespaceFileDescriptor'),
  // What the originals call it here, though no parameter has that name.
  INTERFACE_NAME: parameter('interfaceName'),
  TOO_MANY_INTERFACES: plain('io.systemd.NamespaceResource.TooManyNetworkInterfaces'),
  INTERFACE_FAILED: systemError,
  TOO_MANY_DELEGATIONS: plain('io.systemd.NamespaceResource.TooManyDelegations'),

  RECORD_SERVICE: plain('io.systemd.UserDatabase.BadService'),
  RECORD_NOT_FOUND: plain('io.systemd.UserDatabase.NoRecordFound'),
  RECORD_CONFLICT: plain('io.systemd.UserDatabase.ConflictingRecordFound'),
  RECORDS_NOT_LISTED: plain('io.systemd.UserDatabase.EnumerationNotSupported'),

  IMAGE_TOO_SHORT: incompatible,
  IMAGE_UNREADABLE: incompatible,
  IMAGE_CHANGED: incompatible,
  IMAGE_IN_USE: systemErrorOf('EBUSY'),
  IMAGE_TOO_LARGE: plain('io.postern.Gateway.LimitReached'),
  IMAGE_NOT_RECOGNISED: incompatible,
  TABLE_BROKEN: incompatible,
  TABLE_ENTRIES: incompatible,
  PARTITION_BOUNDS: incompatible,
  PARTITION_OVERLAP: incompatible,
  PARTITION_AMBIGUOUS: plain('io.systemd.MountFileSystem.MultipleRootPartitionsFound'),
  ROOT_MISSING: plain('io.systemd.MountFileSystem.RootPartitionNotFound'),
  FILE_SYSTEM_UNKNOWN: incompatible,
  FILE_SYSTEM_UNCLEAN: incompatible,
  VERITY_SUPERBLOCK: unverified,
  VERITY_DATA: unverified,
  VERITY_TREE: unverified,
  SIGNATURE_MISSING: plain('io.systemd.MountFileSystem.DeniedByImagePolicy'),
  SIGNATURE_DOCUMENT: unverified,
  SIGNATURE_INVALID: unverified,
  SIGNATURE_OTHER_IMAGE: unverified,
  SIGNER_UNKNOWN: plain('io.systemd.MountFileSystem.KeyNotFound'),
  POLICY_INVALID: parameter('imagePolicy'),
  POLICY_DENIED: plain('io.systemd.MountFileSystem.DeniedByImagePolicy'),
  LUKS_HEADER: incompatible,
  LUKS_UNSUPPORTED: incompatible,
  LUKS_COST: plain('io.postern.Gateway.LimitReached'),
  ENCRYPTION_UNSUPPORTED: systemErrorOf('EOPNOTSUPP'),
  PASSWORD_MISSING: plain('io.systemd.MountFileSystem.KeyNotFound'),
  PASSWORD_WRONG: systemErrorOf('EKEYREJECTED'),
  STORE_FULL: plain('io.postern.Gateway.StoreFull'),

  DIRECTORY_NOT_YOURS: plain('org.varlink.service.PermissionDenied'),
  DIRECTORY_TRANSIENT: plain('org.varlink.service.PermissionDenied'),
  DIRECTORY_ELSEWHERE: parameter('directoryFileDescriptor'),
  DIRECTORY_NAME: parameter('name'),
  DIRECTORY_FAILED: systemError,

  CONTROL_GROUP_NOT_YOURS: plain('org.varlink.service.PermissionDenied'),
  CONTROL_GROUP_ROOT: controlGroup,
  CONTROL_GROUP_ADDED: plain('io.systemd.NamespaceResource.ControlGroupAlreadyAdded'),
  CONTROL_GROUPS_TOO_MANY: plain('io.systemd.NamespaceResource.TooManyControlGroups'),
  CONTROL_GROUPS_ABSENT: plain('io.postern.Gateway.ServiceUnavailable'),
  CONTROL_GROUP_FAILED: systemError,

  MOUNT_OPTION: parameter('mountOptions'),
  MOUNT_FAILED: systemError,
};

/**
 * @param method the full name of the method that failed, which decides between two interfaces' names for the same thing
 */
export function translate(error: PosternError | Refusal, method: string): VarlinkError {
  if (error instanceof Refusal) return error.told;
  const { why, next } = errorCatalogue[error.code];
  const what = error.detail === '' ? why : `${why} (${error.detail})`;
  return table[error.code]({ error, method, told: { reason: error.code, message: `${what}; ${next}` } });
}
