/** Work that several requests wait for together: begun by the first, ended early only when the last has gone. */
import { PosternError } from '../../mesh/errors.ts';

/** How far some work has come. */
export interface Progress {
  readonly phase: 'reading' | 'checking' | 'copying' | 'waiting';
  /** in bytes */
  readonly done: number;
  readonly total: number;
}
export type OnProgress = (progress: Progress) => void;

/** One request's stake in a flight. */
export interface Waiter {
  readonly signal: AbortSignal;
  readonly progress: OnProgress;
}

export type Work = (signal: AbortSignal, progress: OnProgress) => Promise<void>;

interface Flight<L> {
  readonly label: L;
  readonly waiters: Set<Waiter>;
  readonly end: AbortController;
  readonly landed: Promise<void>;
}

export class Flights<L> {
  readonly #flights = new Map<string, Flight<L>>();
  /** given up, and still to let go of what they hold */
  readonly #ending = new Map<string, Promise<void>>();

  /** What is under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** What the work under a key was begun with; undefined where none is under way. */
  labelOf(key: string): L | undefined {
    return this.#flights.get(key)?.label;
  }

  /**
   * Waits for the work under `key`, beginning it where it is not under way.
   * @throws what the work throws, CANCELLED when the waiter's own signal goes first
   */
  async board(key: string, label: L, waiter: Waiter, work: Work): Promise<void> {
    if (waiter.signal.aborted) throw new PosternError('CANCELLED');
    const flight = this.#flights.get(key) ?? this.#begin(key, label, work);
    flight.waiters.add(waiter);
    let leave = () => {};
    const left = new Promise<never>((_resolve, reject) => {
      leave = () => reject(new PosternError('CANCELLED'));
    });
    waiter.signal.addEventListener('abort', leave, { once: true });
    try {
      await Promise.race([flight.landed, left]);
    } finally {
      waiter.signal.removeEventListener('abort', leave);
      flight.waiters.delete(waiter);
      if (flight.waiters.size === 0) this.#abandon(key, flight);
    }
  }

  #begin(key: string, label: L, work: Work): Flight<L> {
    const end = new AbortController();
    const waiters = new Set<Waiter>();
    const tell: OnProgress = (progress) => {
      for (const waiter of waiters) waiter.progress(progress);
    };
    const landed = this.#after(key, () => work(end.signal, tell)).finally(() => this.#remove(key, flight));
    // A flight that everybody left ends with an error that nobody hears.
    landed.catch(() => {});
    const flight: Flight<L> = { label, waiters, end, landed };
    this.#flights.set(key, flight);
    return flight;
  }

  /** Two of the same would need the room of two. */
  async #after(key: string, begin: () => Promise<void>): Promise<void> {
    await this.#ending.get(key);
    await begin();
  }

  /** Nobody may board what is being given up. */
  #abandon(key: string, flight: Flight<L>): void {
    if (this.#flights.get(key) !== flight) return;
    flight.end.abort();
    this.#flights.delete(key);
    const ended = flight.landed
      .catch(() => {})
      .then(() => {
        if (this.#ending.get(key) === ended) this.#ending.delete(key);
      });
    this.#ending.set(key, ended);
  }

  #remove(key: string, flight: Flight<L>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
