/** A descriptor with one owner. Losing one is a leak that tests see; closing one twice is a bug that shows at once. */
import { native } from '../native/index.ts';

const open = new Set<Descriptor>();

/** An owned file descriptor. Whoever holds the object must close it, or hand it over with `release`. */
export class Descriptor implements Disposable {
  #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
    open.add(this);
  }

  /** The number, for a call that borrows it. Throws once it was closed or handed over. */
  get fd(): number {
    if (this.#fd < 0) throw new Error('a descriptor was used after its end');
    return this.#fd;
  }

  /** Ends ownership without closing: the caller owns the number now. */
  release(): number {
    const fd = this.fd;
    this.#fd = -1;
    open.delete(this);
    return fd;
  }

  /** A second, independently owned descriptor of the same open file. */
  duplicate(): Descriptor {
    return new Descriptor(native.duplicate(this.fd));
  }

  close(): void {
    native.close(this.release());
  }

  [Symbol.dispose](): void {
    if (this.#fd >= 0) this.close();
  }
}

/** Closes every descriptor of a list that nobody has closed or handed over yet. */
export function closeAll(descriptors: Iterable<Descriptor>): void {
  for (const descriptor of descriptors) descriptor[Symbol.dispose]();
}

/** How many descriptors have an owner in this process: before equal after, or a test fails. */
export function ownedDescriptors(): number {
  return open.size;
}
