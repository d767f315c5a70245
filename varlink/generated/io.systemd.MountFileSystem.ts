// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** What a partition is for. */
export type PartitionDesignator = 'root' | 'usr' | 'home' | 'srv' | 'esp' | 'xbootldr' | 'swap' | 'root_verity' | 'usr_verity' | 'root_verity_sig' | 'usr_verity_sig' | 'tmp' | 'var';

/** How the owners of files in a directory appear inside of a user namespace. */
export type MountMapMode = 'root' | 'foreign' | 'identity' | 'auto';

/** One partition that was mounted. */
export type PartitionInfo = {
  /** What the partition is for. */
  readonly designator: PartitionDesignator;
  /** Whether it can be written to. */
  readonly writable: boolean;
  /** Whether its file system was made to fill the partition. */
  readonly growFileSystem: boolean;
  /** Its number in the partition table, from 1. Missing where the image is a bare file system. */
  readonly partitionNumber?: number | null;
  /** The processor it is for. */
  readonly architecture?: string | null;
  /** Its identifier in the partition table. */
  readonly partitionUuid?: string | null;
  /** Its file system, such as `erofs`. */
  readonly fileSystemType: string;
  /** Its name in the partition table. */
  readonly partitionLabel?: string | null;
  /** How many bytes it has. */
  readonly size: number;
  /** At which byte of the image it begins. */
  readonly offset: number;
  /** The detached mount, ready for move_mount(). */
  readonly mountFileDescriptor: number;
  /** Where it belongs in a tree, the usual place first. */
  readonly mountPoint?: readonly string[] | null;
};

/**
 * Checks a disk image, and mounts the partitions that it is made of. The mounts are detached: the caller attaches them where it
 * wants, and they end with their last descriptor.
 */
export type MountImageParameters = {
  /** The image: a regular file or a block device, open for reading at least. */
  readonly imageFileDescriptor: number;
  /** The user namespace that the mounts are for: the image's owners appear as its IDs. Without one, the mounts are for the host. */
  readonly userNamespaceFileDescriptor?: number | null;
  /** Mount read-only. So it is too where the descriptor can't write or the image is protected by a hash tree. */
  readonly readOnly?: boolean | null;
  /** Make file systems that ask for it fill their partition. On by default, without a meaning for what is read-only. */
  readonly growFileSystems?: boolean | null;
  /** The password of encrypted partitions. */
  readonly password?: string | null;
  /** What the image may be made of, and how protected it must be. It can only narrow what the operator allows. */
  readonly imagePolicy?: string | null;
  /** Further mount options, by designator. */
  readonly mountOptions?: { readonly [key: string]: string } | null;
  /** Don't insist that an extension image says which release it is for. */
  readonly relaxExtensionReleaseChecks?: boolean | null;
  /** Share the device with others that mount an image of the same root hash. */
  readonly veritySharing?: boolean | null;
  /** The hash tree of an image that is a bare file system. Only together with `verityRootHash`. */
  readonly verityDataFileDescriptor?: number | null;
  /** The root hash of that tree, in hexadecimal digits. */
  readonly verityRootHash?: string | null;
  /** A signature of that root hash, PKCS#7 in Base64. */
  readonly verityRootHashSignature?: string | null;
  /** Whether a person may be asked for a permission meanwhile. */
  readonly allowInteractiveAuthentication?: boolean | null;
};

export type MountImageReply = {
  /** The mounted partitions. */
  readonly partitions: readonly PartitionInfo[];
  /** Whether the image is a bare file system without a partition table. */
  readonly singleFileSystem: boolean;
  /** The policy that was applied in the end. */
  readonly imagePolicy: string;
  /** How many bytes the image has. */
  readonly imageSize: number;
  /** How many bytes one sector has. */
  readonly sectorSize: number;
  /** What the image is called. */
  readonly imageName?: string | null;
  /** The identifier of its partition table, or of its one file system. */
  readonly imageUuid?: string | null;
};

/** Mounts a directory that the caller may use, for a user namespace. */
export type MountDirectoryParameters = {
  /** The directory. */
  readonly directoryFileDescriptor: number;
  /** The user namespace that the mount is for. Without one, it is for the host. */
  readonly userNamespaceFileDescriptor?: number | null;
  /** Mount read-only. */
  readonly readOnly?: boolean | null;
  /** How the owners of files appear inside. By default `auto`. */
  readonly mode?: MountMapMode | null;
  /** Whether a person may be asked for a permission meanwhile. */
  readonly allowInteractiveAuthentication?: boolean | null;
};

export type MountDirectoryReply = {
  /** The detached mount, ready for move_mount(). */
  readonly mountFileDescriptor: number;
};

/** Makes a directory that belongs to the first ID of the foreign range. */
export type MakeDirectoryParameters = {
  /** The directory to make it in. */
  readonly parentFileDescriptor: number;
  /** Its name. */
  readonly name: string;
  /** Its access bits. By default 0700. */
  readonly mode?: number | null;
  /** Whether a person may be asked for a permission meanwhile. */
  readonly allowInteractiveAuthentication?: boolean | null;
};

export type MakeDirectoryReply = {
  /** The new directory. */
  readonly directoryFileDescriptor: number;
};

/** The image is not one that can be mounted: its table, a partition or a file system is not sound or not supported. */
export type IncompatibleImageError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** More than one partition could be the root. */
export type MultipleRootPartitionsFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** There is nothing that could be the root. */
export type RootPartitionNotFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The policy does not allow this image. */
export type DeniedByImagePolicyError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The image is signed, but by nobody who is trusted here; or it is encrypted, and no password came. */
export type KeyNotFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The image is not what was signed. */
export type VerityFailureError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** A descriptor was opened in a way that is not safe here. */
export type BadFileDescriptorFlagsError = {
  /** The parameter that names the descriptor. */
  readonly parameter: string;
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

export const description = `# Mounts of disk images and directories for programs that may not mount them themselves.
#
# Fields that end in FileDescriptor are positions, counted from 0, in the list of descriptors that came with the message. All
# descriptors of a message must be sent together with its first byte.
interface io.systemd.MountFileSystem

# What a partition is for.
type PartitionDesignator(
	# The root file system.
	root,
	# The /usr tree.
	usr,
	# The /home tree.
	home,
	# The /srv tree.
	srv,
	# The EFI system partition.
	esp,
	# The extended boot loader partition.
	xbootldr,
	# Swap space.
	swap,
	# The hash tree of the root file system.
	root_verity,
	# The hash tree of /usr.
	usr_verity,
	# The signature of the root file system's hash tree.
	root_verity_sig,
	# The signature of the hash tree of /usr.
	usr_verity_sig,
	# The /var/tmp tree.
	tmp,
	# The /var tree.
	var
)

# How the owners of files in a directory appear inside of a user namespace.
type MountMapMode(
	# The caller's files belong to the namespace's root; there are no others.
	root,
	# The files of the foreign range belong to the namespace's first 65536 IDs.
	foreign,
	# Owners stay what they are.
	identity,
	# The first of these that suits the directory's owner.
	auto
)

# One partition that was mounted.
type PartitionInfo(
	# What the partition is for.
	designator: PartitionDesignator,
	# Whether it can be written to.
	writable: bool,
	# Whether its file system was made to fill the partition.
	growFileSystem: bool,
	# Its number in the partition table, from 1. Missing where the image is a bare file system.
	partitionNumber: ?int,
	# The processor it is for.
	architecture: ?string,
	# Its identifier in the partition table.
	partitionUuid: ?string,
	# Its file system, such as \`erofs\`.
	fileSystemType: string,
	# Its name in the partition table.
	partitionLabel: ?string,
	# How many bytes it has.
	size: int,
	# At which byte of the image it begins.
	offset: int,
	# The detached mount, ready for move_mount().
	mountFileDescriptor: int,
	# Where it belongs in a tree, the usual place first.
	mountPoint: ?[]string
)

# Checks a disk image, and mounts the partitions that it is made of. The mounts are detached: the caller attaches them where it
# wants, and they end with their last descriptor.
method MountImage(
	# The image: a regular file or a block device, open for reading at least.
	imageFileDescriptor: int,
	# The user namespace that the mounts are for: the image's owners appear as its IDs. Without one, the mounts are for the host.
	userNamespaceFileDescriptor: ?int,
	# Mount read-only. So it is too where the descriptor can't write or the image is protected by a hash tree.
	readOnly: ?bool,
	# Make file systems that ask for it fill their partition. On by default, without a meaning for what is read-only.
	growFileSystems: ?bool,
	# The password of encrypted partitions.
	password: ?string,
	# What the image may be made of, and how protected it must be. It can only narrow what the operator allows.
	imagePolicy: ?string,
	# Further mount options, by designator.
	mountOptions: ?[string]string,
	# Don't insist that an extension image says which release it is for.
	relaxExtensionReleaseChecks: ?bool,
	# Share the device with others that mount an image of the same root hash.
	veritySharing: ?bool,
	# The hash tree of an image that is a bare file system. Only together with \`verityRootHash\`.
	verityDataFileDescriptor: ?int,
	# The root hash of that tree, in hexadecimal digits.
	verityRootHash: ?string,
	# A signature of that root hash, PKCS#7 in Base64.
	verityRootHashSignature: ?string,
	# Whether a person may be asked for a permission meanwhile.
	allowInteractiveAuthentication: ?bool
) -> (
	# The mounted partitions.
	partitions: []PartitionInfo,
	# Whether the image is a bare file system without a partition table.
	singleFileSystem: bool,
	# The policy that was applied in the end.
	imagePolicy: string,
	# How many bytes the image has.
	imageSize: int,
	# How many bytes one sector has.
	sectorSize: int,
	# What the image is called.
	imageName: ?string,
	# The identifier of its partition table, or of its one file system.
	imageUuid: ?string
)

# Mounts a directory that the caller may use, for a user namespace.
method MountDirectory(
	# The directory.
	directoryFileDescriptor: int,
	# The user namespace that the mount is for. Without one, it is for the host.
	userNamespaceFileDescriptor: ?int,
	# Mount read-only.
	readOnly: ?bool,
	# How the owners of files appear inside. By default \`auto\`.
	mode: ?MountMapMode,
	# Whether a person may be asked for a permission meanwhile.
	allowInteractiveAuthentication: ?bool
) -> (
	# The detached mount, ready for move_mount().
	mountFileDescriptor: int
)

# Makes a directory that belongs to the first ID of the foreign range.
method MakeDirectory(
	# The directory to make it in.
	parentFileDescriptor: int,
	# Its name.
	name: string,
	# Its access bits. By default 0700.
	mode: ?int,
	# Whether a person may be asked for a permission meanwhile.
	allowInteractiveAuthentication: ?bool
) -> (
	# The new directory.
	directoryFileDescriptor: int
)

# The image is not one that can be mounted: its table, a partition or a file system is not sound or not supported.
error IncompatibleImage(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# More than one partition could be the root.
error MultipleRootPartitionsFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# There is nothing that could be the root.
error RootPartitionNotFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The policy does not allow this image.
error DeniedByImagePolicy(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The image is signed, but by nobody who is trusted here; or it is encrypted, and no password came.
error KeyNotFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The image is not what was signed.
error VerityFailure(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# A descriptor was opened in a way that is not safe here.
error BadFileDescriptorFlags(
	# The parameter that names the descriptor.
	parameter: string,
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)
`;
