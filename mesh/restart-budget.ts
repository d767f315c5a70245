/** How soon a service that died is started again, and when to stop trying. Pure. */

/** A life that was ready for this long did its job: whatever ended it, the next one is worth starting at once. */
export const stableAfter = 500;
/** The first pause after a life that was of no use; each further one doubles it. */
export const firstPause = 100;
/** No pause is longer. */
export const longestPause = 5_000;
/** So many lives of no use in a row, and the service is taken to be broken for good: about half a minute of trying. */
export const mostUnstable = 10;

/** Lives in a row that were of no use. */
export type Unstable = number;

export interface Verdict {
  readonly unstable: Unstable;
  /** milliseconds until the next life, or none any more */
  readonly pause: number | 'give up';
}

/** How a life ended. */
export interface EndOfLife {
  /** milliseconds that it was ready, null if it never was */
  readonly readyFor: number | null;
  /** someone outside of the mesh sent it SIGKILL: an operator, a test, the kernel short of memory */
  readonly killed: boolean;
}

/** @param unstable lives of no use before this one */
export function judge(unstable: Unstable, { readyFor, killed }: EndOfLife): Verdict {
  if (readyFor !== null && readyFor >= stableAfter) return { unstable: 0, pause: 0 };
  // Not the service's own failing, however often it happens: it does not bring us nearer to giving up.
  if (readyFor !== null && killed) return { unstable, pause: firstPause };
  const now = unstable + 1;
  if (now >= mostUnstable) return { unstable: now, pause: 'give up' };
  return { unstable: now, pause: Math.min(longestPause, firstPause * 2 ** (now - 1)) };
}
