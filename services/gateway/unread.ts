/**
 * Descriptors that were sent and that nobody has read are still open files, and the kernel counts them against the gateway: too many of
 * them, and it may send no more to anyone. No event tells that they were read, so those who have some are asked now and then.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';

const everyMilliseconds = 100;

/** Someone who was sent descriptors. */
export interface Reader {
  /** Looks, and takes itself out where none are unread any more. */
  checkUnread(): void;
}

export class UnreadWatch {
  readonly #clock: Clock;
  readonly #readers = new Set<Reader>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(reader: Reader): void {
    this.#readers.add(reader);
    this.#timer ??= this.#clock.after(everyMilliseconds, () => this.#look());
  }

  /** Whoever has read everything, or is gone. */
  remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    for (const reader of [...this.#readers]) reader.checkUnread();
    if (this.#readers.size > 0) this.#timer ??= this.#clock.after(everyMilliseconds, () => this.#look());
  }
}
