/**
 * Which loop device a file is on. Mounts of one file share its device, and through it one superblock. The truth is the kernel's: a
 * device is asked (LOOP_GET_STATUS64) each time before it is shared, and autoclear ends it with its last user. What is
 * remembered here only says where to ask first, so nothing can rot, and a restart loses nothing but that. A device that is held
 * beyond its last mount (kept-devices.ts) has the kernel's cache of its file; it goes at once when the file is another version, or to be written to.
 */
import { openSync, readdirSync } from 'node:fs';
import type { Clock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { type Addon, type DescriptorFacts, isSystemError } from '../../native/index.ts';
import type { KeptDevices } from './kept-devices.ts';
import { loopPath, wholeFile } from './sources/loop.ts';

/** A file and a part of it, for as long as anything (a device, a descriptor) has it open: an inode number is not reused before. */
export type FileKey = `${bigint}:${bigint} ${number}+${number}`;

export function fileKey({ device, inode }: Pick<DescriptorFacts, 'device' | 'inode'>, range = wholeFile): FileKey {
  return `${device}:${inode} ${range.offset}+${range.sizeLimit}`;
}

/** What is wanted of a file's device. */
export interface Wish {
  readonly writable: boolean;
  /** of the file's content (`identityOf`); null where a change need not show */
  readonly version: string | null;
  /** milliseconds of CLOCK_MONOTONIC */
  readonly deadline: number;
}

/** A file's device while a mount is made from it. */
export interface Reservation {
  /** the device that is there, held open until `settle`; null for the right to make it, which nobody else has until `settle` */
  readonly device: number | null;
  /** ends the reservation, saying which device the file is on now, if any; a second call does nothing */
  settle(device: number | null): void;
}

/** A device, and the version of its file when it was made; null where nobody knows. */
interface Seen {
  readonly number: number;
  readonly version: string | null;
}

/** A device as the kernel tells of it, held open. */
interface Found {
  readonly key: FileKey;
  readonly writable: boolean;
  readonly device: Descriptor;
}

export class LoopDevices {
  readonly #kernel: Addon;
  readonly #clock: Clock;
  readonly #kept: KeptDevices;
  /** where each file was last seen; two maps of the same pairs, so that a device that changes its file is noticed */
  readonly #deviceOf = new Map<FileKey, Seen>();
  readonly #fileOn = new Map<number, FileKey>();
  readonly #making = new Map<FileKey, Promise<void>>();

  constructor(kernel: Addon, clock: Clock, kept: KeptDevices) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#kept = kept;
  }

  /** Files whose device was seen, live or not. */
  get remembered(): number {
    return this.#deviceOf.size;
  }

  /** Looks at every loop device of the machine once: those of an earlier life of ours are shared again. */
  discover(folder = '/dev'): void {
    for (const name of readdirSync(folder)) {
      const number = /^loop(\d+)$/.exec(name)?.[1];
      if (number === undefined) continue;
      const found = this.#ask(Number(number));
      if (found === null) continue;
      this.#remember(found.key, { number: Number(number), version: null });
      found.device.close();
    }
  }

  /**
   * The device that a file is on, or the right to make it. Who comes while another makes it waits for that one, so that one file gets
   * one device. A request that needs several files reserves them in the order of their keys, or two could wait for each other.
   * @throws TIMED_OUT when the deadline comes first; IMAGE_IN_USE where the file is on a device for reading and
   * is wanted for writing, or the other way round: two superblocks of one file would not know of each other
   */
  async reserve(key: FileKey, wish: Wish): Promise<Reservation> {
    for (let making = this.#making.get(key); making !== undefined; making = this.#making.get(key)) await this.#until(wish.deadline, making);
    if (!this.#mayKeep(key, wish)) this.#kept.release(key);
    const live = this.#live(key);
    if (live === null) return this.#permission(key, wish);
    if (live.writable === wish.writable) return this.#shared(key, live, wish);
    live.device.close();
    throw new PosternError('IMAGE_IN_USE', live.writable ? 'for writing' : 'for reading only');
  }

  #shared(key: FileKey, { number, device }: Found & Seen, wish: Wish): Reservation {
    return {
      device: number,
      settle: once((mounted) => {
        if (mounted !== null && this.#mayKeep(key, wish)) this.#kept.keep(key, device);
        else device.close();
      }),
    };
  }

  #permission(key: FileKey, wish: Wish): Reservation {
    const making = event();
    this.#making.set(key, making.happened);
    return {
      device: null,
      settle: once((made) => {
        if (made !== null) {
          this.#remember(key, { number: made, version: wish.version });
          const device = this.#mayKeep(key, wish) ? this.#live(key)?.device : undefined;
          if (device !== undefined) this.#kept.keep(key, device);
        }
        this.#making.delete(key);
        making.happen();
      }),
    };
  }

  /** What is cached of the file's content is what is wanted. */
  #mayKeep(key: FileKey, { writable, version }: Wish): boolean {
    return !writable && version !== null && this.#deviceOf.get(key)?.version === version;
  }

  /** The remembered device of a file, open, if it still is that file's. */
  #live(key: FileKey): (Found & Seen) | null {
    const seen = this.#deviceOf.get(key);
    if (seen === undefined) return null;
    const found = this.#ask(seen.number);
    if (found?.key === key) return { ...found, ...seen };
    found?.device.close();
    this.#forget(seen.number);
    return null;
  }

  /** What the kernel says about a device: null when it is free, ending, or not one that may be shared. */
  #ask(number: number): Found | null {
    let device: Descriptor | undefined;
    try {
      device = new Descriptor(openSync(loopPath(number), 'r'));
      const status = this.#kernel.loopStatus(device.fd);
      if (status.autoclear) return { key: fileKey(status, status), writable: !status.readOnly, device };
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
    device?.close();
    return null;
  }

  #remember(key: FileKey, seen: Seen): void {
    this.#forget(seen.number);
    const before = this.#deviceOf.get(key);
    if (before !== undefined) this.#fileOn.delete(before.number);
    this.#deviceOf.set(key, seen);
    this.#fileOn.set(seen.number, key);
  }

  #forget(number: number): void {
    const key = this.#fileOn.get(number);
    this.#fileOn.delete(number);
    if (key !== undefined) this.#deviceOf.delete(key);
  }

  async #until(deadline: number, happened: Promise<void>): Promise<void> {
    const left = deadline - this.#clock.now();
    if (left <= 0) throw new PosternError('TIMED_OUT');
    const expired = event();
    const timer = this.#clock.after(left, expired.happen);
    await Promise.race([happened, expired.happened]);
    timer.cancel();
    if (this.#clock.now() >= deadline) throw new PosternError('TIMED_OUT');
  }
}

/** Something that happens once, and that any number may wait for. */
function event(): { readonly happened: Promise<void>; readonly happen: () => void } {
  let happen = () => {};
  const happened = new Promise<void>((resolve) => {
    happen = resolve;
  });
  return { happened, happen };
}

function once(action: (device: number | null) => void): (device: number | null) => void {
  let done = false;
  return (device) => {
    if (!done) action(device);
    done = true;
  };
}
