/**
 * A worker's thread: one mount at a time, by synchronous calls only. It starts a namespace helper of its own when it starts, and
 * never another: after the lock-down nothing can be executed. A thread or helper that ends takes the mounter with it
 * (pool.ts), which the parent starts again.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../mesh/clock.ts';
import { native } from '../../native/index.ts';
import type { JobOutcome, MountJob } from './job.ts';
import { type Bench, carryOut } from './mount.ts';

const { socket: helper, pid } = native.spawnHelper(join(dirname(fileURLToPath(import.meta.url)), 'helper'));
const bench: Bench = { kernel: native, helper, now: systemClock.now };

/** Answers once the thread and its helper are there. */
export function ready(): { readonly helper: number } {
  return { helper: pid };
}

export function mount(job: MountJob): JobOutcome {
  return carryOut(job, bench);
}
