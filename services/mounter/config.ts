/** What an operator may set about the mounter. */
import { availableParallelism } from 'node:os';
import * as v from 'valibot';

/** Two keep a slow mount from holding up the next; more than four gain nothing (measured: the kernel's own locks are the limit). */
const defaultWorkers = Math.min(4, Math.max(2, availableParallelism()));

const count = (min: number, max: number) => v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));

export const configSchema = v.strictObject({
  /** threads that mount; each has a namespace helper process of its own */
  workers: v.optional(count(1, 16), defaultWorkers),
  /** mounts that may wait for a worker; one more is refused */
  queue: v.optional(count(1, 65536), 1024),
  /**
   * milliseconds that a device is held after something was mounted from it for reading; until then its file is in use. 0: not at all. Covers
   * whoever starts one container after another from an image, and is over before a person takes the medium out
   */
  keep_devices: v.optional(count(0, 60_000), 2000),
});
export type MounterConfig = v.InferOutput<typeof configSchema>;
