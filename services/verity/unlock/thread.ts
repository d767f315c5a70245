/** A thread that tries one password on one keyslot, and ends. What it held, a gigabyte of it maybe, goes with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { type LockedKey, openKeyslot } from './keyslot.ts';

export interface UnlockJob extends LockedKey {
  /** this thread's own copy */
  readonly password: Uint8Array;
}

const { password, ...locked }: UnlockJob = workerData;
const key = await openKeyslot(locked, password);
password.fill(0);
parentPort?.postMessage(key);
key?.fill(0);
