/**
 * A file that only grows: frames of a length, a checksum and a payload. What was appended survives the death of the process at
 * once, and the loss of power from the next `sync` on. A frame that was cut off is the end of the file's truth, and is cut away.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Packr } from 'msgpackr';

/** What a journal asks of the file system; tests end the process between any two of these calls. */
export interface Disk {
  mkdirSync(path: string, options: { recursive: true; mode: number }): unknown;
  openSync(path: string, flags: string, mode?: number): number;
  readFileSync(fd: number): Buffer;
  writeSync(fd: number, data: Uint8Array, offset: number): number;
  ftruncateSync(fd: number, length: number): void;
  fdatasyncSync(fd: number): void;
  fsyncSync(fd: number): void;
  renameSync(from: string, to: string): void;
  rmSync(path: string, options: { force: true }): void;
  closeSync(fd: number): void;
}

export const realDisk: Disk = {
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
  ftruncateSync,
  fdatasyncSync,
  fsyncSync,
  renameSync,
  rmSync,
  closeSync,
};

const fileName = 'ranges.journal';
const headerBytes = 8;
/** Far above the largest frame, the books of two full pools; a length beyond it is damage. */
const maxPayloadBytes = 64 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

/** Without records, each frame can be read by itself. */
const packr = new Packr({ useRecords: false });

/** The file may end in half a frame, so nothing more may be appended: what follows would never be read. */
export class TornJournal extends Error {
  override readonly name = 'TornJournal';
}

export class Journal {
  readonly #folder: string;
  readonly #disk: Disk;
  #fd: number;
  #bytes: number;

  private constructor(folder: string, disk: Disk, fd: number, bytes: number) {
    this.#folder = folder;
    this.#disk = disk;
    this.#fd = fd;
    this.#bytes = bytes;
  }

  /** Opens or begins the journal in a folder, which is made when it is not there. @returns it, and what it holds */
  static open(folder: string, disk: Disk = realDisk): { readonly journal: Journal; readonly payloads: readonly unknown[] } {
    disk.mkdirSync(folder, { recursive: true, mode: 0o700 });
    // What a rewrite left behind that was not done yet.
    disk.rmSync(join(folder, `${fileName}.new`), { force: true });
    const fd = disk.openSync(join(folder, fileName), 'a+', 0o600);
    const { payloads, sound } = read(disk.readFileSync(fd));
    disk.ftruncateSync(fd, sound);
    syncFolder(folder, disk);
    return { journal: new Journal(folder, disk, fd, sound), payloads };
  }

  /** The file's size. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Appends, or throws and has appended nothing. @throws TornJournal when it can't even say that */
  append(payload: unknown): void {
    const frame = encode(payload);
    try {
      write(this.#disk, this.#fd, frame);
    } catch (error) {
      // A disk that is full may have taken a part.
      this.#cutBack(error);
      throw error;
    }
    this.#bytes += frame.length;
  }

  #cutBack(cause: unknown): void {
    try {
      this.#disk.ftruncateSync(this.#fd, this.#bytes);
    } catch {
      throw new TornJournal('half a frame could not be cut away', { cause });
    }
  }

  /** Returns when all that was appended has reached the disk. Where it throws, nobody knows what has, and another try would not tell: fsync(2). */
  sync(): void {
    this.#disk.fdatasyncSync(this.#fd);
  }

  /** Puts a shorter journal in place of this one, in one step: at any moment the name leads to the whole of either. */
  rewrite(payloads: Iterable<unknown>): void {
    const path = join(this.#folder, fileName);
    const fd = this.#disk.openSync(`${path}.new`, 'ax', 0o600);
    let bytes = 0;
    try {
      for (const chunk of chunks(payloads)) {
        write(this.#disk, fd, chunk);
        bytes += chunk.length;
      }
      this.#disk.fsyncSync(fd);
      this.#disk.renameSync(`${path}.new`, path);
    } catch (error) {
      this.#disk.closeSync(fd);
      this.#disk.rmSync(`${path}.new`, { force: true });
      throw error;
    }
    this.#disk.closeSync(this.#fd);
    this.#fd = fd;
    this.#bytes = bytes;
    syncFolder(this.#folder, this.#disk);
  }

  close(): void {
    this.#disk.closeSync(this.#fd);
  }
}

function encode(payload: unknown): Buffer {
  const body = packr.pack(payload);
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(body.length, 0);
  frame.writeUInt32LE(crc32(body), 4);
  frame.set(body, headerBytes);
  return frame;
}

/** The payloads of all sound frames from the start, and how many bytes those are. */
function read(file: Buffer): { readonly payloads: unknown[]; readonly sound: number } {
  const payloads: unknown[] = [];
  let at = 0;
  while (at + headerBytes <= file.length) {
    const length = file.readUInt32LE(at);
    const end = at + headerBytes + length;
    if (length > maxPayloadBytes || end > file.length) break;
    const body = file.subarray(at + headerBytes, end);
    if (crc32(body) !== file.readUInt32LE(at + 4)) break;
    payloads.push(packr.unpack(body));
    at = end;
  }
  return { payloads, sound: at };
}

function* chunks(payloads: Iterable<unknown>): Generator<Buffer> {
  let frames: Buffer[] = [];
  let bytes = 0;
  for (const payload of payloads) {
    const frame = encode(payload);
    frames.push(frame);
    bytes += frame.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(frames);
    frames = [];
    bytes = 0;
  }
  yield Buffer.concat(frames);
}

function write(disk: Disk, fd: number, data: Uint8Array): void {
  for (let done = 0; done < data.length; ) done += disk.writeSync(fd, data, done);
}

/** Makes a new or renamed file's name last. */
function syncFolder(folder: string, disk: Disk): void {
  const fd = disk.openSync(folder, 'r');
  try {
    disk.fsyncSync(fd);
  } finally {
    disk.closeSync(fd);
  }
}
