/** Time, injected: what waits can be tested without waiting. */

/** A timer that can be taken back. Taking it back twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** milliseconds of CLOCK_MONOTONIC, the same in every process of the machine */
  now(): number;
  /** calls once, `milliseconds` from now at the earliest */
  after(milliseconds: number, action: () => void): Timer;
}

/** The kernel's clock. */
export const systemClock: Clock = {
  now: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  after(milliseconds, action) {
    const handle = setTimeout(action, milliseconds);
    return { cancel: () => clearTimeout(handle) };
  },
};

/** A clock that stands still until it is told to go on. */
export class SimulatedClock implements Clock {
  #now: number;
  readonly #waiting = new Set<{ readonly due: number; readonly action: () => void }>();

  constructor(now = 1_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, action: () => void): Timer {
    const entry = { due: this.#now + Math.max(0, milliseconds), action };
    this.#waiting.add(entry);
    return { cancel: () => this.#waiting.delete(entry) };
  }

  /** Moves on, running what falls due on the way in its order, also what is only asked for on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#waiting.delete(next);
      this.#now = next.due;
      next.action();
    }
    this.#now = end;
  }

  /** How many timers run: nothing should, after an end. */
  get pending(): number {
    return this.#waiting.size;
  }

  #next(end: number) {
    let first: { readonly due: number; readonly action: () => void } | undefined;
    for (const entry of this.#waiting) if (entry.due <= end && (first === undefined || entry.due < first.due)) first = entry;
    return first;
  }
}

/** The same clock in the form that XState takes (`createActor(machine, { clock })`). */
export function machineClock(clock: Clock): {
  setTimeout(action: (...args: unknown[]) => void, ms: number): Timer;
  clearTimeout(timer: unknown): void;
} {
  const running = new WeakSet<object>();
  return {
    setTimeout(action, milliseconds) {
      const timer = clock.after(milliseconds, action);
      running.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      if (isTimer(timer) && running.has(timer)) timer.cancel();
    },
  };
}

function isTimer(value: unknown): value is Timer {
  return typeof value === 'object' && value !== null && 'cancel' in value;
}
