// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** Which IDs a namespace gets. */
export type AllocateUserRangeType = 'managed' | 'self';

/**
 * Gives a user namespace that has no mapping yet a range of IDs, and maps it. When the namespace ends, the range is taken back.
 * The caller must own the namespace. The IDs themselves are not told: read them from the namespace, where they are in the reader's terms.
 */
export type AllocateUserRangeParameters = {
  /** A name for the namespace, short enough to be part of a user name: up to 21 characters of a-z, 0-9, `_` and `-`. */
  readonly name: string;
  /** Shorten or replace the name where it would not do. Off by default. */
  readonly mangleName?: boolean | null;
  /** How many IDs: 1 or 65536. */
  readonly size: number;
  /**
   * The ID inside that the first of the range is mapped to. By default 0. Of type `self` 0 makes the caller root; by default the caller
   * is inside who it is outside.
   */
  readonly target?: number | null;
  /** The user namespace. */
  readonly userNamespaceFileDescriptor: number;
  /** Which IDs to map. By default `managed`. */
  readonly type?: AllocateUserRangeType | null;
  /** How many further ranges of 65536 IDs to map one to one, from which namespaces inside can be served. At most 16, by default none. */
  readonly delegateContainerRanges?: number | null;
  /** Map the foreign range one to one as well, the IDs that container images on disk are owned by. Off by default. */
  readonly mapForeign?: boolean | null;
};

export type AllocateUserRangeReply = {
  /** The name as it is known now. */
  readonly name?: string | null;
};

/** Registers a user namespace that the caller has mapped to its own ID already. */
export type RegisterUserNamespaceParameters = {
  /** A name for the namespace, as for AllocateUserRange. */
  readonly name: string;
  /** Shorten or replace the name where it would not do. Off by default. */
  readonly mangleName?: boolean | null;
  /** The user namespace. */
  readonly userNamespaceFileDescriptor: number;
};

export type RegisterUserNamespaceReply = {
  /** The name as it is known now. */
  readonly name?: string | null;
};

/** Lets a namespace with a range write to a mount. */
export type AddMountToUserNamespaceParameters = {
  /** The user namespace. */
  readonly userNamespaceFileDescriptor: number;
  /** Any directory of the mount. */
  readonly mountFileDescriptor: number;
};

export type AddMountToUserNamespaceReply = Readonly<Record<string, never>>;

/** Gives a control group to a namespace with a range. It is removed with all below it when the namespace ends. */
export type AddControlGroupToUserNamespaceParameters = {
  /** The user namespace. */
  readonly userNamespaceFileDescriptor: number;
  /** The folder of the control group, owned by the caller. */
  readonly controlGroupFileDescriptor: number;
};

export type AddControlGroupToUserNamespaceReply = Readonly<Record<string, never>>;

/** Gives a network interface to a namespace with a range. It is removed when the namespace ends. */
export type AddNetworkToUserNamespaceParameters = {
  /** The user namespace. */
  readonly userNamespaceFileDescriptor: number;
  /** The network namespace that gets the inner end. It must belong to the user namespace. Not with mode `tap`. */
  readonly networkNamespaceFileDescriptor?: number | null;
  /** What the inner end is called. By default `host0`. Not with mode `tap`. */
  readonly namespaceInterfaceName?: string | null;
  /** `veth` for a pair of connected interfaces, `tap` for one that a program feeds. */
  readonly mode: string;
};

export type AddNetworkToUserNamespaceReply = {
  /** What the interface is called on the host. */
  readonly hostInterfaceName: string;
  /** What the inner end is called, with mode `veth`. */
  readonly namespaceInterfaceName?: string | null;
  /** The open interface, with mode `tap`. */
  readonly interfaceFileDescriptor?: number | null;
};

/** User namespaces can't be served on this system. */
export type UserNamespaceInterfaceNotSupportedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** Another namespace, user or group has this name. */
export type NameExistsError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace is registered already. */
export type UserNamespaceExistsError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace's parent has no ranges to give. */
export type DynamicRangeUnavailableError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** Every range that could be given is held. */
export type NoDynamicRangeError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace was not registered here. */
export type UserNamespaceNotRegisteredError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace has no range of ours. */
export type UserNamespaceWithoutUserRangeError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace has as many control groups as one may have. */
export type TooManyControlGroupsError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace has this control group already. */
export type ControlGroupAlreadyAddedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The namespace has as many network interfaces as one may have. */
export type TooManyNetworkInterfacesError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** More further ranges were asked for than one namespace may have. */
export type TooManyDelegationsError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

export const description = `# Transient ranges of user and group IDs for user namespaces, and what belongs to a namespace with such a range.
#
# Fields that end in FileDescriptor are positions, counted from 0, in the list of descriptors that came with the message. All
# descriptors of a message must be sent together with its first byte.
interface io.systemd.NamespaceResource

# Which IDs a namespace gets.
type AllocateUserRangeType(
	# A range of the pool that nobody else holds.
	managed,
	# The caller's own ID and nothing else; setgroups() is denied inside.
	self
)

# Gives a user namespace that has no mapping yet a range of IDs, and maps it. When the namespace ends, the range is taken back.
# The caller must own the namespace. The IDs themselves are not told: read them from the namespace, where they are in the reader's terms.
method AllocateUserRange(
	# A name for the namespace, short enough to be part of a user name: up to 21 characters of a-z, 0-9, \`_\` and \`-\`.
	name: string,
	# Shorten or replace the name where it would not do. Off by default.
	mangleName: ?bool,
	# How many IDs: 1 or 65536.
	size: int,
	# The ID inside that the first of the range is mapped to. By default 0. Of type \`self\` 0 makes the caller root; by default the caller
	# is inside who it is outside.
	target: ?int,
	# The user namespace.
	userNamespaceFileDescriptor: int,
	# Which IDs to map. By default \`managed\`.
	type: ?AllocateUserRangeType,
	# How many further ranges of 65536 IDs to map one to one, from which namespaces inside can be served. At most 16, by default none.
	delegateContainerRanges: ?int,
	# Map the foreign range one to one as well, the IDs that container images on disk are owned by. Off by default.
	mapForeign: ?bool
) -> (
	# The name as it is known now.
	name: ?string
)

# Registers a user namespace that the caller has mapped to its own ID already.
method RegisterUserNamespace(
	# A name for the namespace, as for AllocateUserRange.
	name: string,
	# Shorten or replace the name where it would not do. Off by default.
	mangleName: ?bool,
	# The user namespace.
	userNamespaceFileDescriptor: int
) -> (
	# The name as it is known now.
	name: ?string
)

# Lets a namespace with a range write to a mount.
method AddMountToUserNamespace(
	# The user namespace.
	userNamespaceFileDescriptor: int,
	# Any directory of the mount.
	mountFileDescriptor: int
) -> ()

# Gives a control group to a namespace with a range. It is removed with all below it when the namespace ends.
method AddControlGroupToUserNamespace(
	# The user namespace.
	userNamespaceFileDescriptor: int,
	# The folder of the control group, owned by the caller.
	controlGroupFileDescriptor: int
) -> ()

# Gives a network interface to a namespace with a range. It is removed when the namespace ends.
method AddNetworkToUserNamespace(
	# The user namespace.
	userNamespaceFileDescriptor: int,
	# The network namespace that gets the inner end. It must belong to the user namespace. Not with mode \`tap\`.
	networkNamespaceFileDescriptor: ?int,
	# What the inner end is called. By default \`host0\`. Not with mode \`tap\`.
	namespaceInterfaceName: ?string,
	# \`veth\` for a pair of connected interfaces, \`tap\` for one that a program feeds.
	mode: string
) -> (
	# What the interface is called on the host.
	hostInterfaceName: string,
	# What the inner end is called, with mode \`veth\`.
	namespaceInterfaceName: ?string,
	# The open interface, with mode \`tap\`.
	interfaceFileDescriptor: ?int
)

# User namespaces can't be served on this system.
error UserNamespaceInterfaceNotSupported(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# Another namespace, user or group has this name.
error NameExists(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace is registered already.
error UserNamespaceExists(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace's parent has no ranges to give.
error DynamicRangeUnavailable(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# Every range that could be given is held.
error NoDynamicRange(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace was not registered here.
error UserNamespaceNotRegistered(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace has no range of ours.
error UserNamespaceWithoutUserRange(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace has as many control groups as one may have.
error TooManyControlGroups(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace has this control group already.
error ControlGroupAlreadyAdded(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The namespace has as many network interfaces as one may have.
error TooManyNetworkInterfaces(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# More further ranges were asked for than one namespace may have.
error TooManyDelegations(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)
`;
