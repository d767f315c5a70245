/** The verified store: which checked copies there are, bounded in bytes and number, the least recently used leaving first. */

import type { Reader } from '../../image/reader.ts';
import { detectFileSystem, type FileSystem } from '../../image/superblock.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Logger } from '../../mesh/log.ts';
import type { Copy } from './copy.ts';
import { Source } from './source.ts';
import type { StoredFile, StoreFolder } from './store-folder.ts';

export interface StoreLimits {
  /** in bytes, what all copies may hold together */
  readonly maxBytes: number;
  readonly maxImages: number;
  /** in bytes, the data of one image */
  readonly maxImageBytes: number;
}

interface Entry extends StoredFile {
  usedAt: number;
  /** when the folder last heard of its use */
  toldAt: number;
  /** the copy itself, whole and checked, while the disk still takes it in: nobody waits for that, but it has no name before */
  settling: Copy | undefined;
}

/** A use is written down once in this time: enough to know after a restart who goes first. */
const tellMilliseconds = 60_000;
/** What other programs on the disk are left with when a copy is made. */
const spareBytes = 64 * 1024 * 1024;

/** A copy to be mounted: a read-only descriptor of its own. */
export interface Held {
  readonly descriptor: Descriptor;
  readonly fileSystem: FileSystem;
}

/** Room that a copy under way may fill. */
export class Reservation implements Disposable {
  /** what is still to be written */
  remaining: number;

  constructor(
    readonly bytes: number,
    private readonly end: (reservation: Reservation) => void,
  ) {
    this.remaining = bytes;
  }

  [Symbol.dispose](): void {
    this.end(this);
  }
}

export class Store {
  readonly #folder: StoreFolder;
  readonly #limits: StoreLimits;
  readonly #log: Logger;
  /** in order of use, the oldest first */
  readonly #entries = new Map<string, Entry>();
  /** what the bytes of each copy say they are; asked once */
  readonly #fileSystems = new Map<string, FileSystem>();
  readonly #reserved = new Set<Reservation>();
  readonly #settling = new Set<Promise<void>>();
  #storedBytes = 0;
  #evicted = 0;

  constructor(folder: StoreFolder, limits: StoreLimits, log: Logger) {
    this.#folder = folder;
    this.#limits = limits;
    this.#log = log;
    const files = folder.scan((name) => log.warn({ name }, 'removed what is no checked copy from the store'));
    for (const file of files.toSorted((a, b) => a.usedAt - b.usedAt)) this.#remember(file);
  }

  /** The name of a copy: what its bytes are is settled by root hash and size, since a tree's own levels hash to the same root. */
  static nameOf(rootHash: string, size: number): string {
    return `${rootHash}-${size}`;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * Opens a copy. Null when it is not there.
   * @throws PosternError FILE_SYSTEM_UNKNOWN
   */
  async open(name: string): Promise<Held | null> {
    const descriptor = this.#openEntry(name);
    if (descriptor === null) return null;
    try {
      return { descriptor, fileSystem: this.#fileSystems.get(name) ?? (await this.#detect(name, Source.of(descriptor).reader)) };
    } catch (thrown) {
      descriptor.close();
      throw thrown;
    }
  }

  /**
   * Makes room for a copy, removing others if need be.
   * @throws PosternError IMAGE_TOO_LARGE, STORE_FULL
   */
  reserve(bytes: number): Reservation {
    const { maxBytes, maxImages, maxImageBytes } = this.#limits;
    if (bytes > Math.min(maxBytes, maxImageBytes)) throw new PosternError('IMAGE_TOO_LARGE', `${bytes} bytes of data`);
    const tooMany = () => this.#entries.size + this.#reserved.size >= maxImages;
    const tooMuch = () => this.#storedBytes + this.#reservedBytes('bytes') + bytes > maxBytes;
    const noDisk = () => this.#folder.space().free - this.#reservedBytes('remaining') < bytes + spareBytes;
    const why = () => (tooMany() ? 'too many copies' : tooMuch() ? 'its bound is reached' : noDisk() ? 'the disk is full' : undefined);
    let reason = why();
    for (const entry of [...this.#entries.values()]) {
      if (reason === undefined) break;
      if (this.#evict(entry)) reason = why();
    }
    if (reason !== undefined) throw new PosternError('STORE_FULL', reason);
    const reservation = new Reservation(bytes, (ended) => this.#reserved.delete(ended));
    this.#reserved.add(reservation);
    return reservation;
  }

  /** A copy that is to be: gone with its end unless it is added. */
  create(size: number): Copy {
    return this.#folder.create(size);
  }

  /** A copy that is never added, for reading: it lasts for as long as this descriptor, and what is made from it. */
  openPrivate(copy: Copy): Descriptor {
    return this.#folder.openUnnamed(copy);
  }

  /**
   * Takes a checked copy over. It can be opened from now on, and gets its name when the disk has it.
   * @throws PosternError FILE_SYSTEM_UNKNOWN where its bytes are none that is mounted
   */
  async add(copy: Copy, name: string): Promise<void> {
    try {
      await this.#detect(name, copy.reader);
    } catch (thrown) {
      await copy[Symbol.asyncDispose]();
      throw thrown;
    }
    const entry = this.#remember({ name, size: copy.size, usedAt: Date.now() }, copy);
    const settled = this.#settle(entry, copy).finally(() => this.#settling.delete(settled));
    this.#settling.add(settled);
  }

  /** Returns when the disk has every copy. */
  async settled(): Promise<void> {
    await Promise.all(this.#settling);
  }

  async #settle(entry: Entry, copy: Copy): Promise<void> {
    try {
      await this.#folder.publish(copy, entry.name);
      entry.settling = undefined;
    } catch (thrown) {
      // What was mounted from it stays sound; the next request makes another copy.
      this.#log.warn({ name: entry.name, err: thrown }, 'a checked copy could not be kept');
      if (this.#entries.get(entry.name) === entry) this.#forget(entry);
    } finally {
      await copy[Symbol.asyncDispose]();
    }
  }

  status(): Record<string, unknown> {
    const { maxBytes, maxImages, maxImageBytes } = this.#limits;
    return { images: this.#entries.size, bytes: this.#storedBytes, maxBytes, maxImages, maxImageBytes, evicted: this.#evicted };
  }

  #openEntry(name: string): Descriptor | null {
    const entry = this.#entries.get(name);
    if (entry === undefined) return null;
    const descriptor = entry.settling === undefined ? this.#folder.open(name) : this.#folder.openUnnamed(entry.settling);
    if (descriptor === null) {
      this.#forget(entry);
      return null;
    }
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    this.#used(entry, descriptor);
    return descriptor;
  }

  #remember(file: StoredFile, settling?: Copy): Entry {
    const known = this.#entries.get(file.name);
    if (known !== undefined) this.#forget(known);
    const entry = { ...file, toldAt: file.usedAt, settling };
    this.#entries.set(file.name, entry);
    this.#storedBytes += file.size;
    return entry;
  }

  #forget({ name, size }: Entry): void {
    this.#entries.delete(name);
    this.#fileSystems.delete(name);
    this.#storedBytes -= size;
  }

  #used(entry: Entry, descriptor: Descriptor): void {
    entry.usedAt = Date.now();
    if (entry.usedAt - entry.toldAt < tellMilliseconds) return;
    entry.toldAt = entry.usedAt;
    this.#folder.touch(descriptor, entry.usedAt);
  }

  async #detect(name: string, reader: Reader): Promise<FileSystem> {
    const superblock = await detectFileSystem(reader);
    if (superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN');
    this.#fileSystems.set(name, superblock.type);
    return superblock.type;
  }

  #evict(entry: Entry): boolean {
    if (entry.settling !== undefined || !this.#folder.removeUnlessOpen(entry.name)) return false;
    this.#forget(entry);
    this.#evicted += 1;
    this.#log.info({ name: entry.name }, 'removed a copy to make room');
    return true;
  }

  /** Copies count with their whole size: a bound must not depend on how many holes they have. */
  #reservedBytes(what: 'bytes' | 'remaining'): number {
    let sum = 0;
    for (const reservation of this.#reserved) sum += reservation[what];
    return sum;
  }
}
