/** The part of the edge to the kernel that Node brings itself: reading at a place, folders, whole small files. Failures are SystemErrors. */
import { type BigIntStats, constants, read, type Stats } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { isSystemError } from './index.ts';

/**
 * A file changed this shortly before it was looked at may change again without a new time: the kernel's clock for files ticks every
 * 10 ms at worst (HZ=100). Several ticks, for file systems that round.
 */
const restingNanoseconds = 100_000_000n;

/** Device, inode, size and times of a regular file: the same again means that nobody wrote to it. Null for block devices, which don't tell. */
export function identityOf(stats: BigIntStats): string | null {
  if (!stats.isFile()) return null;
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}

/** Whether a file's times are old enough to show the next change. */
export function isAtRest(stats: BigIntStats): boolean {
  return stats.ctimeNs + restingNanoseconds < BigInt(Date.now()) * 1_000_000n;
}

/** One positional read on libuv's pool. Resolves to the number of bytes, which may be less than asked for, and 0 at the end. */
export function readAt(fd: number, target: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, 0, target.length, position, (error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

/** The names in a folder; none where it is absent or may not be read. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (thrown) {
    if (isSystemError(thrown)) return [];
    throw thrown;
  }
}

/** What a path leads to, or null where it leads nowhere. */
export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (thrown) {
    if (isSystemError(thrown)) return null;
    throw thrown;
  }
}

/** The bytes of a regular file of at most `maxBytes`. Throws an Error that says why not. Never waits for a fifo's other end. */
export async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw new Error('not a regular file');
    if (stats.size > maxBytes) throw new Error(`larger than ${maxBytes} bytes`);
    const bytes = new Uint8Array(stats.size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
