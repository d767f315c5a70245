/** What the exit status of a Postern process means. Those above 63 follow sysexits(3). */
export const exitCodes = {
  ok: 0,
  /** the command line or the configuration can't be used; starting again will not help */
  usage: 64,
  /** a sibling sent something that no sound sibling sends: it is compromised, or we have a bug */
  badMessage: 76,
  /** something was thrown that nobody expected */
  bug: 70,
  /** a service could not do its own start work */
  startFailed: 71,
  /** the namespace helper does not answer: it and the service start anew together */
  helperLost: 74,
  /** what a service must have on disk could not be put there; see fsync(2) for why it does not try again itself */
  diskFailed: 73,
  /** the parent went away */
  orphaned: 75,
  /** a service kept dying before it was of use, so the parent ended the whole */
  gaveUp: 69,
  /** the launcher could not set the service up, or not run its program; it has said why on stderr */
  launchUsage: 125,
  launchSetUp: 126,
  launchExec: 127,
} as const;

export type ExitReason = keyof typeof exitCodes;

/** The reason behind an exit status, for a line of the log. */
export function exitReason(status: number): ExitReason | undefined {
  for (const [reason, code] of Object.entries(exitCodes)) if (code === status && isReason(reason)) return reason;
  return undefined;
}

function isReason(text: string): text is ExitReason {
  return Object.hasOwn(exitCodes, text);
}
