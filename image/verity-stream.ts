/** Runs all of an image's data past its hash tree, several pieces at once, and on to wherever it is to go. */
import { PosternError } from '../mesh/errors.ts';
import { allZero } from './bytes.ts';
import type { Reader } from './reader.ts';
import type { VerityTree } from './verity-check.ts';

/** One piece of work with the data: large enough that a system call is cheap beside its hash, small enough that turns are short. */
export const chunkBytes = 1024 * 1024;
/** Pieces of one image that may be under way: one is read or written while another is hashed. */
const piecesAtOnce = 3;

/** Lends a buffer of `chunkBytes` for one piece of work, when it is this image's turn. */
export type Turn = (work: (buffer: Uint8Array) => Promise<void>) => Promise<void>;

export interface DataStream {
  readonly tree: VerityTree;
  readonly data: Reader;
  readonly dataBlockSize: number;
  readonly turn: Turn;
  readonly signal: AbortSignal;
  /** takes each piece, in any order; not called for pieces of nothing but zeros */
  readonly sink?: (piece: Uint8Array, offset: number) => Promise<void>;
  /** hears how many bytes are done */
  readonly progress?: (done: number) => void;
}

/**
 * Resolves when every byte was read, proved and taken. On failure it waits for what is under way, then throws the first error.
 * @throws PosternError VERITY_DATA, VERITY_TREE, CANCELLED, and what the reader and the sink throw
 */
export async function streamData(stream: DataStream): Promise<void> {
  const { tree, data, signal, turn } = stream;
  let next = 0;
  let done = 0;
  let failed = false;
  const piece = async (buffer: Uint8Array, offset: number): Promise<void> => {
    const bytes = buffer.subarray(0, Math.min(chunkBytes, tree.dataSize - offset));
    await data.fill(bytes, offset);
    const isZero = allZero(bytes);
    const taken = isZero ? undefined : stream.sink?.(bytes, offset);
    const results = await Promise.allSettled([tree.check(bytes, offset / stream.dataBlockSize, isZero), taken]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    done += bytes.length;
    stream.progress?.(done);
  };
  const lane = async (): Promise<void> => {
    while (next < tree.dataSize && !failed) {
      if (signal.aborted) throw new PosternError('CANCELLED');
      const offset = next;
      next += chunkBytes;
      await turn((buffer) => piece(buffer, offset));
    }
  };
  const guarded = async (): Promise<void> => {
    try {
      await lane();
    } catch (thrown) {
      failed = true;
      throw thrown;
    }
  };
  const results = await Promise.allSettled(Array.from({ length: piecesAtOnce }, guarded));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
