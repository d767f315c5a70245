/** Writes the image: the file system's bytes, the table and the hash tree around them, in place under its name only when whole. */
import { type FileHandle, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { NewImage } from '../../image/compose.ts';
import { boundedReader, type Reader } from '../../image/reader.ts';
import { readAt } from '../../native/files.ts';

const pieceBytes = 4 * 1024 * 1024;
const zeros = Buffer.alloc(pieceBytes);

/** A file that is read piece by piece. */
export interface OpenFile extends AsyncDisposable {
  readonly reader: Reader;
}

export async function openFile(path: string): Promise<OpenFile> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return {
    reader: boundedReader(size, (target, position) => readAt(file.fd, target, position)),
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Rounds a file up to whole blocks, with zeros, and resolves to its size. */
export async function padToBlocks(path: string, blockSize: number): Promise<number> {
  await using file = await opened(path, 'r+');
  const { size } = await file.handle.stat();
  const padded = Math.ceil(size / blockSize) * blockSize;
  if (padded !== size) await file.handle.truncate(padded);
  return padded;
}

/** Writes `temporary`, then renames it to `out`. What is zero stays a hole. */
export async function writeImage(
  temporary: string,
  out: string,
  image: NewImage,
  data: Reader,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<void> {
  {
    await using file = await opened(temporary, 'wx');
    await file.handle.truncate(image.size);
    const [dataOffset = 0] = image.dataOffsets;
    for (let offset = 0; offset < data.size; offset += pieceBytes) {
      signal.throwIfAborted();
      const piece = await data.read(offset, Math.min(pieceBytes, data.size - offset));
      if (!zeros.subarray(0, piece.length).equals(piece)) await writeAll(file.handle, piece, dataOffset + offset);
      progress(offset + piece.length);
    }
    for (const { bytes, offset } of image.pieces) await writeAll(file.handle, bytes, offset);
    await file.handle.sync();
  }
  await rename(temporary, out);
  await using folder = await opened(dirname(out), 'r');
  await folder.handle.sync();
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}

async function opened(path: string, flags: string): Promise<{ handle: FileHandle } & AsyncDisposable> {
  const handle = await open(path, flags);
  return { handle, [Symbol.asyncDispose]: () => handle.close() };
}
