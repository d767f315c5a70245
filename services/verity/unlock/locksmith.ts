/**
 * Opens encrypted volumes: one at a time, user by user in rotation, since each may take a gigabyte and all that a processor can do. Each
 * keyslot is tried on a thread of its own, which is ended at once when nobody waits for it any more.
 */
import { freemem } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { LuksVolume } from '../../../image/luks/volume.ts';
import type { Reader } from '../../../image/reader.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { Lanes } from '../lanes.ts';
import { checkCost, inMebibytes, memoryOf } from './cost.ts';
import { type LockedKey, materialSize } from './keyslot.ts';
import type { UnlockJob } from './thread.ts';

/** That may wait for their turn; one more is refused. */
const maxWaiting = 256;

export interface LocksmithOptions {
  /** the thread's bundle */
  readonly thread: URL;
  /** bytes that one keyslot may take */
  readonly maxMemory: number;
}

/** Somebody who has a password for a volume. */
export interface Request {
  readonly uid: number;
  readonly signal: AbortSignal;
  /** borrowed */
  readonly password: Uint8Array;
}

export class Locksmith {
  readonly #options: LocksmithOptions;
  /** a place without a buffer: what a turn is about is memory that the thread brings */
  readonly #turns = new Lanes(1, 0);
  readonly #counts = { opened: 0, refused: 0 };

  constructor(options: LocksmithOptions) {
    this.#options = options;
  }

  /**
   * The volume's key, the caller's to wipe.
   * @throws PosternError LUKS_COST, PASSWORD_WRONG, SERVICE_UNAVAILABLE, CANCELLED
   */
  async open(reader: Reader, volume: LuksVolume, request: Request): Promise<Uint8Array<ArrayBuffer>> {
    checkCost(volume, this.#options.maxMemory);
    if (this.#turns.waiting >= maxWaiting) throw new PosternError('SERVICE_UNAVAILABLE', 'too many passwords are waiting');
    let key: Uint8Array<ArrayBuffer> | null = null;
    await this.#turns.of(request.uid)(async () => {
      for (const keyslot of volume.keyslots) {
        if (request.signal.aborted) throw new PosternError('CANCELLED');
        requireMemory(memoryOf(keyslot.derivation));
        const material = await reader.read(keyslot.area.offset, materialSize(keyslot));
        key = await tryKeyslot(this.#options.thread, { keyslot, material, digest: volume.digest }, request);
        if (key !== null) return;
      }
    });
    this.#counts[key === null ? 'refused' : 'opened'] += 1;
    if (key === null) throw new PosternError('PASSWORD_WRONG');
    return key;
  }

  status(): Record<string, number> {
    return { ...this.#counts, waiting: this.#turns.waiting };
  }
}

/** Without, the kernel would end a process to make room, and this one is the largest. */
function requireMemory(bytes: number): void {
  if (bytes > freemem()) throw new PosternError('LUKS_COST', `a keyslot takes ${inMebibytes(bytes)}, which this machine has not to spare`);
}

/** On a thread that has ended when this returns, or throws. */
function tryKeyslot(thread: URL, locked: LockedKey, { password, signal }: Request): Promise<Uint8Array<ArrayBuffer> | null> {
  const job: UnlockJob = { ...locked, password: password.slice() };
  const worker = new Worker(thread, {
    workerData: job,
    transferList: [job.password.buffer, job.material.buffer].filter((buffer) => buffer instanceof ArrayBuffer),
    stdin: false,
  });
  return new Promise((resolve, reject) => {
    let key: Uint8Array<ArrayBuffer> | null = null;
    let failure: unknown;
    const end = () => void worker.terminate();
    signal.addEventListener('abort', end, { once: true });
    worker.once('message', (found: Uint8Array<ArrayBuffer> | null) => {
      key = found;
    });
    worker.once('error', (error) => {
      failure = error;
    });
    worker.once('exit', () => {
      signal.removeEventListener('abort', end);
      if (signal.aborted) {
        key?.fill(0);
        reject(new PosternError('CANCELLED'));
      } else if (failure === undefined) resolve(key);
      else reject(failure);
    });
  });
}
