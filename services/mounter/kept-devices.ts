/**
 * Devices that are held for a moment after something was mounted from them, so that the next mount of the same finds them there. Making one costs
 * many times what a mount does, most of it with those who watch devices come and go: udev and the service manager.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';

/** Held at a time; the one that was mounted from the longest ago goes first. */
const limit = 64;

interface Kept {
  readonly device: Descriptor;
  readonly timer: Timer;
}

export class KeptDevices {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  /** the one that goes first is the first: a Map keeps its order */
  readonly #kept = new Map<string, Kept>();

  /** @param milliseconds how long after a mount; 0 keeps none */
  constructor(clock: Clock, milliseconds: number) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Takes an open device over, and holds it for a fresh moment. The name stands for what it shows. */
  keep(name: string, device: Descriptor): void {
    this.release(name);
    if (this.#milliseconds === 0) {
      device.close();
      return;
    }
    this.#kept.set(name, { device, timer: this.#clock.after(this.#milliseconds, () => this.release(name)) });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > limit && oldest !== undefined) this.release(oldest);
  }

  /** Lets go of a device: it ends here, unless something is mounted from it. */
  release(name: string): void {
    const kept = this.#kept.get(name);
    if (kept === undefined) return;
    this.#kept.delete(name);
    kept.timer.cancel();
    kept.device.close();
  }

  releaseAll(): void {
    for (const name of [...this.#kept.keys()]) this.release(name);
  }
}
