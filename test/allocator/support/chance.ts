/** Chance that a test can replay. */
import fc from 'fast-check';
import type { Random } from '../../../services/allocator/urn.ts';

/** Numbers as random as a test needs, all from one seed (xorshift32). */
export function seeded(seed: number): Random {
  let state = seed === 0 ? 1 : seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export const chance = fc.integer().map(seeded);
