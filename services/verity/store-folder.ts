/**
 * The folder of checked copies as the file system shows it. A copy is unnamed until all of it was checked and is on the disk, and then
 * has its final name at once: whatever ends this process or the machine, a copy with a name is whole.
 */
import { closeSync, constants, fchmodSync, fstatSync, futimesSync, openSync, readdirSync, rmSync, statfsSync, unlinkSync } from 'node:fs';
import { Descriptor } from '../../mesh/descriptors.ts';
import { isSystemError, native } from '../../native/index.ts';
import { Copy } from './copy.ts';

/** asm-generic/fcntl.h: O_TMPFILE is this bit and O_DIRECTORY. Node has no name for it. */
const unnamed = 0o20000000 | constants.O_DIRECTORY;
/** A root hash of either length, and the size of its data in bytes. */
const namePattern = /^(?:[0-9a-f]{64}|[0-9a-f]{128})-([1-9][0-9]*)$/;

/** Nobody may write, and every stage may read it: the folder itself is closed to all but its owner. */
const copyMode = 0o444;

/** A copy that is there. */
export interface StoredFile {
  readonly name: string;
  /** in bytes, as its name and the file agree */
  readonly size: number;
  /** milliseconds since the epoch */
  readonly usedAt: number;
}

export class StoreFolder {
  readonly path: string;
  readonly #directory: Descriptor;

  private constructor(path: string) {
    this.path = path;
    this.#directory = new Descriptor(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY));
  }

  /** Opens the folder and tries at once whether copies can be made there. Rejects with a SystemError where not. */
  static async open(path: string): Promise<StoreFolder> {
    const folder = new StoreFolder(path);
    try {
      await using _attempt = folder.create(0);
      return folder;
    } catch (thrown) {
      folder.close();
      throw thrown;
    }
  }

  /** The copies that are there. What is none is removed and told about. */
  scan(removed: (name: string) => void): StoredFile[] {
    const files: StoredFile[] = [];
    for (const name of readdirSync(this.path)) {
      const file = this.#look(name);
      if (file !== undefined) files.push(file);
      else {
        rmSync(`${this.path}/${name}`, { recursive: true, force: true });
        removed(name);
      }
    }
    return files;
  }

  /** A copy that is to be, of that size. */
  create(size: number): Copy {
    const file = new Descriptor(openSync(this.path, unnamed | constants.O_RDWR, copyMode));
    try {
      // the launcher's umask took the other stages' right to read it
      fchmodSync(file.fd, copyMode);
      return new Copy(file, size);
    } catch (thrown) {
      file.close();
      throw thrown;
    }
  }

  /** Puts a finished copy on the disk and then gives it its name. */
  async publish(copy: Copy, name: string): Promise<void> {
    await copy.finish();
    native.linkDescriptor(copy.descriptor.fd, this.#directory.fd, name);
  }

  /** A finished copy that has no name yet, for reading. Through /proc/self/fd, so that no capability is needed. */
  openUnnamed(copy: Copy): Descriptor {
    return new Descriptor(openSync(`/proc/self/fd/${copy.descriptor.fd}`, constants.O_RDONLY));
  }

  /** A copy for reading; null when it is not there (any more). */
  open(name: string): Descriptor | null {
    try {
      return new Descriptor(openSync(`${this.path}/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW));
    } catch (thrown) {
      if (isSystemError(thrown) && thrown.code === 'ENOENT') return null;
      throw thrown;
    }
  }

  /** Removes a copy, unless the kernel has it open anywhere: mounted, behind a loop device, held by a process. */
  removeUnlessOpen(name: string): boolean {
    const file = this.open(name);
    if (file === null) return true;
    try {
      if (isOpenElsewhere(file)) return false;
      unlinkSync(`${this.path}/${name}`);
      return true;
    } finally {
      file.close();
    }
  }

  /** Remembers over restarts when a copy was last of use. A disk that can't is none the worse for mounting from it. */
  touch(copy: Descriptor, at: number): void {
    try {
      futimesSync(copy.fd, at / 1000, at / 1000);
    } catch (thrown) {
      if (!isSystemError(thrown)) throw thrown;
    }
  }

  /** What the disk has left for us, and has in all, in bytes. */
  space(): { readonly free: number; readonly total: number } {
    const { bavail, blocks, bsize } = statfsSync(this.path);
    return { free: bavail * bsize, total: blocks * bsize };
  }

  close(): void {
    this.#directory.close();
  }

  #look(name: string): StoredFile | undefined {
    const [, size] = namePattern.exec(name) ?? [];
    if (size === undefined) return undefined;
    let file: number;
    try {
      file = openSync(`${this.path}/${name}`, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const stats = fstatSync(file);
      const ours = stats.isFile() && stats.nlink === 1 && stats.uid === process.geteuid?.() && (stats.mode & 0o777) === copyMode;
      if (!ours || String(stats.size) !== size) return undefined;
      return { name, size: stats.size, usedAt: stats.mtimeMs };
    } finally {
      closeSync(file);
    }
  }
}

/** A lease is refused where somebody else has the file open; where there are no leases, nothing is known and the copy stays. */
function isOpenElsewhere(file: Descriptor): boolean {
  try {
    return native.isOpenElsewhere(file.fd);
  } catch (thrown) {
    if (isSystemError(thrown)) return true;
    throw thrown;
  }
}
