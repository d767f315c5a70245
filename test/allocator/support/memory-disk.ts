/** A disk in memory that can lose power: what was synced survives, of the rest some part. */
import type { Disk } from '../../../services/allocator/journal.ts';

interface File {
  data: Buffer;
  /** how many bytes are sure to survive */
  synced: number;
}

export class MemoryDisk implements Disk {
  /** bytes that it takes before it is full */
  room = Number.POSITIVE_INFINITY;
  #names = new Map<string, File>();
  /** names as they would be after a loss of power */
  #syncedNames = new Map<string, File>();
  readonly #open = new Map<number, File | null>();
  #next = 100;

  mkdirSync(): void {}

  openSync(path: string, flags: string): number {
    const fd = this.#next++;
    if (flags === 'r') {
      this.#open.set(fd, null);
      return fd;
    }
    const known = this.#names.get(path);
    if (flags === 'ax' && known !== undefined) throw new Error(`${path} is there already`);
    const file = known ?? { data: Buffer.alloc(0), synced: 0 };
    this.#names.set(path, file);
    this.#open.set(fd, file);
    return fd;
  }

  readFileSync(fd: number): Buffer {
    return Buffer.from(this.#file(fd).data);
  }

  writeSync(fd: number, data: Uint8Array, offset: number): number {
    const file = this.#file(fd);
    const part = data.subarray(offset, offset + Math.min(data.length - offset, this.room));
    if (part.length === 0) throw Object.assign(new Error('no room'), { code: 'ENOSPC', errno: 28, syscall: 'write' });
    this.room -= part.length;
    file.data = Buffer.concat([file.data, part]);
    return part.length;
  }

  ftruncateSync(fd: number, length: number): void {
    const file = this.#file(fd);
    file.data = file.data.subarray(0, length);
    file.synced = Math.min(file.synced, length);
  }

  fdatasyncSync(fd: number): void {
    const file = this.#file(fd);
    file.synced = file.data.length;
  }

  fsyncSync(fd: number): void {
    const file = this.#open.get(fd);
    if (file === null) this.#syncedNames = new Map(this.#names);
    else this.fdatasyncSync(fd);
  }

  renameSync(from: string, to: string): void {
    const file = this.#names.get(from);
    if (file === undefined) throw new Error(`${from} is not there`);
    this.#names.set(to, file);
    this.#names.delete(from);
  }

  rmSync(path: string): void {
    this.#names.delete(path);
  }

  closeSync(fd: number): void {
    this.#open.delete(fd);
  }

  /** @param keep from 0 to 1: how much of what was not synced happens to survive */
  losePower(keep: number): void {
    this.#open.clear();
    // A name that was not synced may or may not have got there.
    const names = keep < 0.5 ? this.#syncedNames : this.#names;
    for (const file of names.values()) {
      const length = file.synced + Math.floor((file.data.length - file.synced) * keep);
      file.data = file.data.subarray(0, length);
      file.synced = length;
    }
    this.#names = new Map(names);
    this.#syncedNames = new Map(names);
  }

  contents(path: string): Buffer {
    return this.#names.get(path)?.data ?? Buffer.alloc(0);
  }

  put(path: string, data: Uint8Array): void {
    this.#names.set(path, { data: Buffer.from(data), synced: data.length });
  }

  #file(fd: number): File {
    const file = this.#open.get(fd);
    if (file === undefined || file === null) throw new Error(`descriptor ${fd} is not open`);
    return file;
  }
}
