/** How pure code reads bytes that it does not hold: lazily, bounded, from a file, a device or memory. */
import { PosternError } from '../mesh/errors.ts';

/** Something of a known size that can be read at any place. Every read is exact: all the bytes asked for, or a PosternError. */
export interface Reader {
  /** in bytes */
  readonly size: number;
  /** The bytes [offset, offset + length). IMAGE_TOO_SHORT past the end, IMAGE_CHANGED when the source gave fewer than its size promised. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** `read` into memory that the caller holds, filling it. */
  fill(target: Uint8Array, offset: number): Promise<void>;
}

/** A positional read as the operating system gives it: may be short, 0 at the end. Resolves to the number of bytes read. */
export type PositionalRead = (target: Uint8Array, position: number) => Promise<number>;

/** The largest single `read`: what a parser asks for in one piece is small, so more is a parser that believed its input. */
const maxRead = 8 * 1024 * 1024;

/** A Reader over a positional read. */
export function boundedReader(size: number, pread: PositionalRead): Reader {
  const fill = async (target: Uint8Array, offset: number): Promise<void> => {
    if (!inside(offset, target.length, size)) throw new PosternError('IMAGE_TOO_SHORT');
    for (let done = 0; done < target.length; ) {
      const count = await pread(target.subarray(done), offset + done);
      if (count <= 0) throw new PosternError('IMAGE_CHANGED', 'it became shorter');
      done += count;
    }
  };
  return {
    size,
    fill,
    async read(offset, length) {
      if (length > maxRead || !inside(offset, length, size)) throw new PosternError('IMAGE_TOO_SHORT');
      const target = new Uint8Array(length);
      await fill(target, offset);
      return target;
    },
  };
}

/** A Reader over bytes in memory. */
export function memoryReader(bytes: Uint8Array): Reader {
  return boundedReader(bytes.length, async (target, position) => {
    const part = bytes.subarray(position, position + target.length);
    target.set(part);
    return part.length;
  });
}

/** The part [offset, offset + size) of a reader as a reader of its own. PARTITION_BOUNDS when it does not lie inside. */
export function section(reader: Reader, offset: number, size: number): Reader {
  if (!inside(offset, size, reader.size)) throw new PosternError('PARTITION_BOUNDS');
  return {
    size,
    read(at, length) {
      if (!inside(at, length, size)) return Promise.reject(new PosternError('IMAGE_TOO_SHORT'));
      return reader.read(offset + at, length);
    },
    fill(target, at) {
      if (!inside(at, target.length, size)) return Promise.reject(new PosternError('IMAGE_TOO_SHORT'));
      return reader.fill(target, offset + at);
    },
  };
}

/** The same reader, with its first bytes fetched once: the many small reads of a partition table then cost one. */
export async function withFront(reader: Reader, length: number): Promise<Reader> {
  const front = await reader.read(0, Math.min(length, reader.size));
  return {
    size: reader.size,
    async read(offset, count) {
      return inside(offset, count, front.length) ? front.slice(offset, offset + count) : reader.read(offset, count);
    },
    async fill(target, offset) {
      if (inside(offset, target.length, front.length)) target.set(front.subarray(offset, offset + target.length));
      else await reader.fill(target, offset);
    },
  };
}

/** Whether [offset, offset + length) lies inside [0, size). False for anything that is not a sound number. */
export function inside(offset: number, length: number, size: number): boolean {
  return Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset <= size - length;
}
