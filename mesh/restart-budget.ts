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

/**
 * @param unstable lives of no use before this one
 * @param readyFor milliseconds that the ended life was ready, null if it never was
 */
export function judge(unstable: Unstable, readyFor: number | null): Verdict {
  if (readyFor !== null && readyFor >= stableAfter) return { unstable: 0, pause: 0 };
  const now = unstable + 1;
  if (now >= mostUnstable) return { unstable: now, pause: 'give up' };
  return { unstable: now, pause: Math.min(longestPause, firstPause * 2 ** (now - 1)) };
}
