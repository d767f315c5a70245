/**
 * Turns for work with image data: a fixed number of buffers, lent piece by piece, user by user in rotation. So a large image delays
 * a small one by a piece, not by all of it; one user's many images delay another's no more than one would; and memory is bounded.
 */
import { chunkBytes, type Turn } from '../../image/verity-stream.ts';

/** Enough that a read, a hash and a write are always under way on a small machine. */
const defaultLanes = 4;

export class Lanes {
  /** waiting pieces by user, the next user first */
  readonly #waiting = new Map<number, (() => void)[]>();
  readonly #free: Uint8Array[];

  /** @param bytes of each buffer */
  constructor(lanes = defaultLanes, bytes = chunkBytes) {
    this.#free = Array.from({ length: lanes }, () => new Uint8Array(bytes));
  }

  /** The turns of one user. */
  of(uid: number): Turn {
    return async (work) => {
      const buffer = this.#free.pop() ?? (await this.#queue(uid));
      try {
        await work(buffer);
      } finally {
        this.#free.push(buffer);
        this.#next();
      }
    };
  }

  /** Pieces that wait for a turn. */
  get waiting(): number {
    let sum = 0;
    for (const queue of this.#waiting.values()) sum += queue.length;
    return sum;
  }

  #queue(uid: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const queue = this.#waiting.get(uid) ?? [];
      queue.push(() => {
        const buffer = this.#free.pop();
        if (buffer === undefined) reject(new Error('a turn without a buffer'));
        else resolve(buffer);
      });
      this.#waiting.set(uid, queue);
    });
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [uid, queue] = first;
    const go = queue.shift();
    this.#waiting.delete(uid);
    if (queue.length > 0) this.#waiting.set(uid, queue);
    go?.();
  }
}
