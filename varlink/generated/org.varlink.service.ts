// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** Who is serving here, and what. */
export type GetInfoParameters = Readonly<Record<string, never>>;

export type GetInfoReply = {
  /** Who makes the software. */
  readonly vendor: string;
  /** What the software is called. */
  readonly product: string;
  /** Its version. */
  readonly version: string;
  /** Where to read more. */
  readonly url: string;
  /** The interfaces served on this socket, sorted. */
  readonly interfaces: readonly string[];
};

/** The text of one interface, such as this one. */
export type GetInterfaceDescriptionParameters = {
  /** The full name of the interface. */
  readonly interface: string;
};

export type GetInterfaceDescriptionReply = {
  /** Its text in the interface language, comments included. */
  readonly description: string;
};

/** There is no such interface here. */
export type InterfaceNotFoundError = {
  /** The name that was asked for. */
  readonly interface: string;
};

/** There is no such method here. */
export type MethodNotFoundError = {
  /** The name that was called. */
  readonly method: string;
};

/** The interface declares the method, but this service does not offer it. */
export type MethodNotImplementedError = {
  /** The name that was called. */
  readonly method: string;
};

/** A parameter is missing, unknown, of the wrong type, or has a value that the method does not take. */
export type InvalidParameterError = {
  /** The parameter at fault. */
  readonly parameter: string;
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** This caller may not do that. */
export type PermissionDeniedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The method answers with several replies, so it must be called with `more`. */
export type ExpectedMoreError = Readonly<Record<string, never>>;

export const description = `# What every Varlink service tells about itself. The fields \`reason\` and \`message\` are Postern's addition to two of the
# errors; clients that do not know them pass over them.
interface org.varlink.service

# Who is serving here, and what.
method GetInfo() -> (
	# Who makes the software.
	vendor: string,
	# What the software is called.
	product: string,
	# Its version.
	version: string,
	# Where to read more.
	url: string,
	# The interfaces served on this socket, sorted.
	interfaces: []string
)

# The text of one interface, such as this one.
method GetInterfaceDescription(
	# The full name of the interface.
	interface: string
) -> (
	# Its text in the interface language, comments included.
	description: string
)

# There is no such interface here.
error InterfaceNotFound(
	# The name that was asked for.
	interface: string
)

# There is no such method here.
error MethodNotFound(
	# The name that was called.
	method: string
)

# The interface declares the method, but this service does not offer it.
error MethodNotImplemented(
	# The name that was called.
	method: string
)

# A parameter is missing, unknown, of the wrong type, or has a value that the method does not take.
error InvalidParameter(
	# The parameter at fault.
	parameter: string,
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# This caller may not do that.
error PermissionDenied(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The method answers with several replies, so it must be called with \`more\`.
error ExpectedMore()
`;
