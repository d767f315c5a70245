/** What an operator may set about the ranges. */
import * as v from 'valibot';
import { containerPool, containerSize, type IdRange, neverIds, overlap, singlePool } from './ids.ts';

const id = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_fffe));
const range = v.pipe(
  v.strictObject({ first: id, last: id }),
  v.check(({ first, last }) => first <= last, 'the first ID of a range comes after its last'),
);
const count = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

/** Below are the host's own users: no pool of containers may begin there. */
const firstContainerId = 65536;
/** As many single IDs as there are containers' ranges in 32 bits: both lists are kept in memory. */
const maxSingles = 65536;

const apart = (ranges: readonly IdRange[]) => ranges.every((a, i) => ranges.slice(i + 1).every((b) => !overlap(a, b)));
const size = (ranges: readonly IdRange[]) => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);

const containers = v.pipe(
  v.array(range),
  v.minLength(1),
  v.check((ranges) => apart(ranges), 'the pools for containers overlap'),
  v.check(
    (ranges) =>
      ranges.every(({ first, last }) => first >= firstContainerId && first % containerSize === 0 && (last + 1) % containerSize === 0),
    'a pool for containers begins above 65535 and is made of whole ranges of 65536 IDs',
  ),
);
const singles = v.pipe(
  v.array(range),
  v.check((ranges) => apart(ranges), 'the pools for single IDs overlap'),
  v.check((ranges) => size(ranges) <= maxSingles, 'the pools for single IDs have more than 65536 IDs'),
  v.check(
    (ranges) => ranges.every((each) => !neverIds.some((never) => overlap(each, { first: never, last: never }))),
    'a pool for single IDs has an ID that means "nobody" or "none"',
  ),
);

export const configSchema = v.pipe(
  v.strictObject({
    /** ranges of 65536 IDs, for containers; the foreign range among them is left out */
    pools: v.optional(
      containers,
      containerPool.map((each) => ({ ...each })),
    ),
    /** single IDs */
    single_pools: v.optional(
      singles,
      singlePool.map((each) => ({ ...each })),
    ),
    /** namespaces with ranges that one user may have at a time; root is exempt */
    namespaces_per_user: v.optional(count(1, 1 << 24), 20480),
    /**
     * How much of what the others have left of a pool one user may hold or have burnt: of a full pool by default a little more than
     * `namespaces_per_user`, so that three quarters, then three quarters of the rest, and so on, is the most that greed can get.
     */
    share_per_user: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1)), 0.75),
    /** where we see the directories whose images are trusted */
    trusted_directories: v.optional(v.array(v.string()), []),
    /** where the registry lives */
    state: v.optional(v.string(), '/state'),
  }),
  v.check(({ pools, single_pools }) => apart([...pools, ...single_pools]), 'a pool for single IDs lies in one for containers'),
);
export type AllocatorConfig = v.InferOutput<typeof configSchema>;
