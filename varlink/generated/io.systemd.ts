// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** The connection ended. Clients make this one up themselves; it is never sent. */
export type DisconnectedError = Readonly<Record<string, never>>;

/** No answer came in time. Clients make this one up themselves; it is never sent. */
export type TimedOutError = Readonly<Record<string, never>>;

/** The other side broke the protocol. Clients make this one up themselves; it is never sent. */
export type ProtocolError = Readonly<Record<string, never>>;

/** A system call failed, and no error of the interface says it better. */
export type SystemError = {
  /** Whose error numbers these are: always `linux`. */
  readonly origin?: string | null;
  /** The error's name, such as `EINVAL`. */
  readonly errnoName?: string | null;
  /** The error's number. */
  readonly errno?: number | null;
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** An administrator has to allow it, or the caller to prove who it is, and the call did not let anybody be asked, or nobody was there to ask. */
export type InteractiveAuthenticationRequiredError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

export const description = `# Errors that any method here may end with, as systemd's own services use them.
interface io.systemd

# The connection ended. Clients make this one up themselves; it is never sent.
error Disconnected()

# No answer came in time. Clients make this one up themselves; it is never sent.
error TimedOut()

# The other side broke the protocol. Clients make this one up themselves; it is never sent.
error Protocol()

# A system call failed, and no error of the interface says it better.
error System(
	# Whose error numbers these are: always \`linux\`.
	origin: ?string,
	# The error's name, such as \`EINVAL\`.
	errnoName: ?string,
	# The error's number.
	errno: ?int,
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# An administrator has to allow it, or the caller to prove who it is, and the call did not let anybody be asked, or nobody was there to ask.
error InteractiveAuthenticationRequired(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)
`;
