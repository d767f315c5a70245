/** A file system straight from a regular file: no device, nothing to take down but the mount itself. */
import type { Source } from './source.ts';

/** The kernel opens the path in fsconfig's create step, as us; /proc/self/fd leads to the open file itself, whatever its name. */
export function openFile(fd: number): Source {
  return { path: `/proc/self/fd/${fd}`, device: null, [Symbol.dispose]() {} };
}

/** True for the error of a file system that wants a block device after all: other kernels, files on tmpfs. */
export function wantsDevice(code: string): boolean {
  return code === 'ENOTBLK';
}

/** Forgotten at this size; the price is one failed try more. In practice there is one entry per file system with a store. */
const maxRemembered = 64;

/** What was learned by trying: from where the kernel takes no file directly. */
export class DirectFiles {
  readonly #refused = new Set<string>();

  /** @param device the device number of the file system that the file lies on */
  mayTry(fileSystem: string, device: bigint): boolean {
    return !this.#refused.has(`${fileSystem} ${device}`);
  }

  refused(fileSystem: string, device: bigint): void {
    if (this.#refused.size >= maxRemembered) this.#refused.clear();
    this.#refused.add(`${fileSystem} ${device}`);
  }
}
