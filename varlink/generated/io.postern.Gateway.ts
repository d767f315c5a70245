// Written by `node tools/generate.mjs` from varlink/interfaces. Do not edit.

/** How a service is, as its parent sees it. */
export type ServiceState = 'starting' | 'ready' | 'waiting' | 'failed';

/** One process of Postern. */
export type Service = {
  /** Its name, such as `allocator`. */
  readonly name: string;
  /** How it is. */
  readonly state: ServiceState;
  /** Its process ID, where it runs and the caller may know. */
  readonly pid?: number | null;
  /** How often it had to be started again. */
  readonly restarts: number;
  /** How much memory it holds. */
  readonly residentBytes?: number | null;
  /** What it tells about itself, where it answered in time and the caller may know. */
  readonly report?: { readonly [key: string]: unknown } | null;
};

/** Who uses the gateway at present, and how much. */
export type Usage = {
  /** How many users there are. */
  readonly users: number;
  /** How many connections are open. */
  readonly connections: number;
  /** How many requests are under way. */
  readonly requests: number;
  /** How many requests wait for their turn. */
  readonly waiting: number;
  /** How many requests ended well since the gateway started. */
  readonly succeeded: number;
  /** How many requests ended with an error since the gateway started. */
  readonly failed: number;
  /** How many requests were undone since their client had gone. */
  readonly cancelled: number;
};

/** How Postern is. What would tell about the host is for root, unless the operator lets everyone know it. */
export type GetStatusParameters = Readonly<Record<string, never>>;

export type GetStatusReply = {
  /** Postern's version. */
  readonly version: string;
  /** How often processes have been started since `postern serve` was: the number of the gateway's own start. */
  readonly generation: number;
  /** The gateway's own numbers. */
  readonly gateway: Usage;
  /** The processes. */
  readonly services: readonly Service[];
  /** Whether something was left out that this caller may not know. */
  readonly incomplete: boolean;
};

/** The request was not done before its deadline. */
export type TimedOutError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The request was undone before it was done. */
export type CancelledError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** The process that held the request died. Trying again is safe. */
export type ServiceDiedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** A part of Postern is not running. */
export type ServiceUnavailableError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** This user holds as much as one user may. */
export type LimitReachedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** There is no room for another verified image. */
export type StoreFullError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** No method here turns the connection over to another protocol. */
export type UpgradeNotSupportedError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

/** Postern has a bug. */
export type InternalError = {
  /** Postern's stable code for what was wrong, for programs. */
  readonly reason?: string | null;
  /** What was wrong and what to do about it, for people. */
  readonly message?: string | null;
};

export const description = `# The gateway itself: how it is, and how a request can end in it.
interface io.postern.Gateway

# How a service is, as its parent sees it.
type ServiceState(
	# It is getting ready.
	starting,
	# It serves.
	ready,
	# It ended, and is started again in a moment.
	waiting,
	# It ended too often, and is not started again.
	failed
)

# One process of Postern.
type Service(
	# Its name, such as \`allocator\`.
	name: string,
	# How it is.
	state: ServiceState,
	# Its process ID, where it runs and the caller may know.
	pid: ?int,
	# How often it had to be started again.
	restarts: int,
	# How much memory it holds.
	residentBytes: ?int,
	# What it tells about itself, where it answered in time and the caller may know.
	report: ?object
)

# Who uses the gateway at present, and how much.
type Usage(
	# How many users there are.
	users: int,
	# How many connections are open.
	connections: int,
	# How many requests are under way.
	requests: int,
	# How many requests wait for their turn.
	waiting: int,
	# How many requests ended well since the gateway started.
	succeeded: int,
	# How many requests ended with an error since the gateway started.
	failed: int,
	# How many requests were undone since their client had gone.
	cancelled: int
)

# How Postern is. What would tell about the host is for root, unless the operator lets everyone know it.
method GetStatus() -> (
	# Postern's version.
	version: string,
	# How often processes have been started since \`postern serve\` was: the number of the gateway's own start.
	generation: int,
	# The gateway's own numbers.
	gateway: Usage,
	# The processes.
	services: []Service,
	# Whether something was left out that this caller may not know.
	incomplete: bool
)

# The request was not done before its deadline.
error TimedOut(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The request was undone before it was done.
error Cancelled(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# The process that held the request died. Trying again is safe.
error ServiceDied(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# A part of Postern is not running.
error ServiceUnavailable(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# This user holds as much as one user may.
error LimitReached(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# There is no room for another verified image.
error StoreFull(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# No method here turns the connection over to another protocol.
error UpgradeNotSupported(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)

# Postern has a bug.
error Internal(
	# Postern's stable code for what was wrong, for programs.
	reason: ?string,
	# What was wrong and what to do about it, for people.
	message: ?string
)
`;
