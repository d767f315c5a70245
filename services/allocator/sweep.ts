/**
 * Looks, a slice at a time, whether namespaces on record are still there. A file handle pins nothing and costs a few microseconds,
 * so the whole costs about 1 % of a processor however many there are; with up to 2,560 of them each is looked at every second.
 * The word of the lsm service is faster, but may be lost with it.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Holding } from './events.ts';

export const sliceSize = 256;
export const sliceEveryMs = 100;

export interface SweepParts {
  readonly clock: Clock;
  readonly holdings: () => Iterator<Holding>;
  readonly isGone: (holding: Holding) => boolean | null;
  readonly gone: (holding: Holding) => void;
}

export class Sweep {
  readonly #parts: SweepParts;
  #round: Iterator<Holding>;
  #timer: Timer | undefined;

  constructor(parts: SweepParts) {
    this.#parts = parts;
    this.#round = parts.holdings();
  }

  start(): void {
    this.#timer = this.#parts.clock.after(sliceEveryMs, () => {
      this.#slice();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Goes on where the last slice ended. A Map's iterator bears that entries come and go meanwhile. */
  #slice(): void {
    for (let looked = 0; looked < sliceSize; looked++) {
      const { value: holding, done } = this.#round.next();
      if (done === true) {
        this.#round = this.#parts.holdings();
        return;
      }
      if (this.#parts.isGone(holding) === true) this.#parts.gone(holding);
    }
  }
}
