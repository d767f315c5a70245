/** How much of what all share one user may have. Pure. */
import type { PoolCounts } from './pool.ts';

/** The superuser of the host answers to nobody. */
export const exempt = 0;

/** Network interfaces of one namespace, as systemd's daemon means it; by a slip there it takes one more. */
export const interfacesPerNamespace = 16;

/**
 * Whether an owner may use up `more` ranges of a pool whose used ranges nobody gets again: never more than `share` of what the
 * others have left, so that something is left for everybody, in however many names one asks.
 * @param mine held and burnt ranges that the owner answers for
 * @param share from 0 to 1
 */
export function isWithinShare({ total, held, burnt }: PoolCounts, mine: number, more: number, share: number): boolean {
  const others = held + burnt - mine;
  return mine + more <= Math.floor(share * (total - others));
}
