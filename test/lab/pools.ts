import type { LsmConfig } from '../../services/lsm/config.ts';

/** The pools as they are configured by default, pinned where a test likes. */
export const config = (pins: string): LsmConfig => ({
  pins,
  transient: [
    { first: 61184, last: 65519 },
    { first: 524288, last: 1879048191 },
  ],
});
