/** What the operator may set about the policy. */
import * as v from 'valibot';

const id = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_fffe));
const range = v.strictObject({ first: id, last: id });

export const configSchema = v.strictObject({
  /** The IDs that must not outlive their namespace: the pools that ranges are taken from. */
  transient: v.optional(v.pipe(v.array(range), v.length(2)), [
    { first: 61184, last: 65519 },
    { first: 524288, last: 1879048191 },
  ]),
  /** Where links and maps are pinned, so that enforcement outlives every process. */
  pins: v.optional(v.string(), '/sys/fs/bpf/postern'),
});
export type LsmConfig = v.InferOutput<typeof configSchema>;
