/**
 * What can happen to the registry, as it is written to its journal. The registry is what its events add up to, and nothing
 * else: a restarted allocator that has read the journal knows exactly what the one before it knew. Pure.
 */
import * as v from 'valibot';
import { networkInterface } from '../../mesh/shapes.ts';
import type { PoolBooks } from './pool.ts';

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe));
const ordinal = v.pipe(v.number(), v.integer(), v.minValue(0));
const namespace = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const unit = v.picklist([1, 65536]);
/** 64 bits in decimal: the inode of a folder of cgroup2 */
const controlGroup = v.pipe(v.string(), v.regex(/^[1-9][0-9]{0,19}$/));

/** A namespace and what it holds. */
const holding = v.strictObject({
  namespace,
  /** nsfs file handle; null where the kernel has none */
  handle: v.nullable(v.custom<Uint8Array>((value) => value instanceof Uint8Array)),
  name: v.string(),
  /** who asked, and answers for it in the limits */
  owner: id,
  /** the asker's group, where the owner's own ID is mapped */
  group: id,
  /** the holding that its ranges come from; null for the host's pools */
  parent: v.nullable(namespace),
  /** `registered`: somebody else mapped the owner's own ID in it, at `target` */
  type: v.picklist(['managed', 'self', 'registered']),
  unit,
  /** first ID outside; null where the owner's own is mapped */
  start: v.nullable(id),
  /** first ID inside */
  target: id,
  /** the same for groups, where it is another: the owner's own, mapped to itself */
  targetGroup: v.optional(id),
  /** first IDs of the ranges mapped one to one, for its children */
  delegated: v.array(id),
  mapForeign: v.boolean(),
  /** the policy is in force for it, and for every namespace that it lies in, and has been since before its first ID was mapped */
  guarded: v.boolean(),
  /** its maps are known to be written */
  mapped: v.boolean(),
  /** the host's ends of its network interfaces, as far as they were ever asked for */
  interfaces: v.optional(v.array(networkInterface), () => []),
  /** what was given to it, or is being given */
  controlGroups: v.optional(v.array(controlGroup), () => []),
  /** it is gone; its range is nobody's before its interfaces are removed and its control groups taken back */
  ended: v.optional(v.boolean(), false),
});
export type Holding = v.InferOutput<typeof holding>;

/** What none has when it is recorded. Holdings are replaced, never changed, so all may share it. */
export const nothingYet = { mapped: false, interfaces: [], controlGroups: [], ended: false } satisfies Partial<Holding>;

const starts = v.array(id);
const books: v.GenericSchema<PoolBooks> = v.strictObject({ clean: starts, reserved: starts, burnt: v.array(v.tuple([id, id, ordinal])) });

/** Whether the kernel enforces the policy: not yet known in this life of the allocator, yes, no. */
export const policies = ['unheard', 'enforced', 'off'] as const;
export type Policy = (typeof policies)[number];

export const eventSchema = v.variant('kind', [
  /** the machine was started anew: every namespace is gone */
  v.strictObject({ kind: v.literal('boot'), id: v.string() }),
  v.strictObject({ kind: v.literal('policy'), policy: v.picklist(policies) }),
  /** ranges that may be used unguarded from now on; durable before the first of them is mapped */
  v.strictObject({ kind: v.literal('reserve'), unit, starts }),
  /** an orderly end: what is left of the reserve was not used */
  v.strictObject({ kind: v.literal('unreserve') }),
  v.strictObject({ kind: v.literal('hold'), holding }),
  v.strictObject({ kind: v.literal('mapped'), namespace }),
  /** may be there from now on */
  v.strictObject({ kind: v.literal('interface'), namespace, added: networkInterface }),
  v.strictObject({ kind: v.literal('ended'), namespace }),
  /** a control group goes to a holding; on record before its owner changes */
  v.strictObject({ kind: v.literal('give'), namespace, controlGroup }),
  /** it was not given after all */
  v.strictObject({ kind: v.literal('keep'), namespace, controlGroup }),
  /** nothing was ever mapped in it */
  v.strictObject({ kind: v.literal('undo'), namespace }),
  /** it is gone */
  v.strictObject({ kind: v.literal('free'), namespace }),
  /** the pools at the moment of a compaction; holdings follow, parents first */
  v.strictObject({
    kind: v.literal('books'),
    boot: v.string(),
    boots: ordinal,
    policy: v.picklist(policies),
    serial: ordinal,
    containers: books,
    singles: books,
  }),
  /** what has become of the ranges delegated to a holding, at the moment of a compaction */
  v.strictObject({ kind: v.literal('spare'), namespace, books }),
]);
export type RegistryEvent = v.InferOutput<typeof eventSchema>;
