// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** Finds the record of a user by its ID, its name, or both. */
export type GetUserRecordParameters = {
  /** The ID to look for. */
  readonly uid?: number | null;
  /** The name to look for. */
  readonly userName?: string | null;
  /** Parts of names to look for. */
  readonly fuzzyNames?: readonly string[] | null;
  /** Which kinds of records to look for. */
  readonly dispositionMask?: readonly string[] | null;
  /** The smallest ID to look for. */
  readonly uidMin?: number | null;
  /** The largest ID to look for. */
  readonly uidMax?: number | null;
  /** The identifier to look for. */
  readonly uuid?: string | null;
  /** Which database is meant: the name of the socket's link. */
  readonly service: string;
};

export type GetUserRecordReply = {
  /** The record, in the JSON that systemd documents for it. */
  readonly record: { readonly [key: string]: unknown };
  /** Whether something was left out that this caller may not see. */
  readonly incomplete?: boolean | null;
};

/** Finds the record of a group by its ID, its name, or both. */
export type GetGroupRecordParameters = {
  /** The ID to look for. */
  readonly gid?: number | null;
  /** The name to look for. */
  readonly groupName?: string | null;
  /** Parts of names to look for. */
  readonly fuzzyNames?: readonly string[] | null;
  /** Which kinds of records to look for. */
  readonly dispositionMask?: readonly string[] | null;
  /** The smallest ID to look for. */
  readonly gidMin?: number | null;
  /** The largest ID to look for. */
  readonly gidMax?: number | null;
  /** The identifier to look for. */
  readonly uuid?: string | null;
  /** Which database is meant: the name of the socket's link. */
  readonly service: string;
};

export type GetGroupRecordReply = {
  /** The record, in the JSON that systemd documents for it. */
  readonly record: { readonly [key: string]: unknown };
  /** Whether something was left out that this caller may not see. */
  readonly incomplete?: boolean | null;
};

/** Finds which users are in which groups. */
export type GetMembershipsParameters = {
  /** Only of this user. */
  readonly userName?: string | null;
  /** Only of this group. */
  readonly groupName?: string | null;
  /** Which database is meant: the name of the socket's link. */
  readonly service: string;
};

export type GetMembershipsReply = {
  /** A user. */
  readonly userName: string;
  /** A group that the user is in. */
  readonly groupName: string;
};

/** Nothing was found. */
export type NoRecordFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** This is not the database that was asked for. */
export type BadServiceError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The database can't be asked at present. */
export type ServiceNotAvailableError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The ID and the name belong to two different records. */
export type ConflictingRecordFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** There is such a record, but not with these properties. */
export type NonMatchingRecordFoundError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** Records can be asked for one by one only. */
export type EnumerationNotSupportedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

export const description = `# Names for the transient IDs, so that programs show them.
interface io.systemd.UserDatabase

# Finds the record of a user by its ID, its name, or both.
method GetUserRecord(
	# The ID to look for.
	uid: ?int,
	# The name to look for.
	userName: ?string,
	# Parts of names to look for.
	fuzzyNames: ?[]string,
	# Which kinds of records to look for.
	dispositionMask: ?[]string,
	# The smallest ID to look for.
	uidMin: ?int,
	# The largest ID to look for.
	uidMax: ?int,
	# The identifier to look for.
	uuid: ?string,
	# Which database is meant: the name of the socket's link.
	service: string
) -> (
	# The record, in the JSON that systemd documents for it.
	record: object,
	# Whether something was left out that this caller may not see.
	incomplete: ?bool
)

# Finds the record of a group by its ID, its name, or both.
method GetGroupRecord(
	# The ID to look for.
	gid: ?int,
	# The name to look for.
	groupName: ?string,
	# Parts of names to look for.
	fuzzyNames: ?[]string,
	# Which kinds of records to look for.
	dispositionMask: ?[]string,
	# The smallest ID to look for.
	gidMin: ?int,
	# The largest ID to look for.
	gidMax: ?int,
	# The identifier to look for.
	uuid: ?string,
	# Which database is meant: the name of the socket's link.
	service: string
) -> (
	# The record, in the JSON that systemd documents for it.
	record: object,
	# Whether something was left out that this caller may not see.
	incomplete: ?bool
)

# Finds which users are in which groups.
method GetMemberships(
	# Only of this user.
	userName: ?string,
	# Only of this group.
	groupName: ?string,
	# Which database is meant: the name of the socket's link.
	service: string
) -> (
	# A user.
	userName: string,
	# A group that the user is in.
	groupName: string
)

# Nothing was found.
error NoRecordFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# This is not the database that was asked for.
error BadService(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The database can't be asked at present.
error ServiceNotAvailable(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The ID and the name belong to two different records.
error ConflictingRecordFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# There is such a record, but not with these properties.
error NonMatchingRecordFound(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# Records can be asked for one by one only.
error EnumerationNotSupported(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)
`;
