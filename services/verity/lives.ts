/** The requests that are here: the machine of each, and how to end one from outside. */
import { type Actor, createActor } from 'xstate';
import type { Clock } from '../../mesh/clock.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { OnProgress, Progress, Waiter } from './flights.ts';
import { type VerificationEvent, verificationMachine } from './machine.ts';

/** Cancellations that came before their request: the gateway sends them another way than the request travels. */
const rememberedCancellations = 4096;
/** People see no more than this, and a small image needs none. */
const progressMilliseconds = 250;

/** One request on its way through. */
export class Life implements Waiter {
  readonly #actor: Actor<typeof verificationMachine> = createActor(verificationMachine);
  readonly #end = new AbortController();
  readonly #tell: OnProgress;
  readonly #clock: Clock;
  #toldAt: number;

  constructor(clock: Clock, tell: OnProgress) {
    this.#clock = clock;
    this.#toldAt = clock.now();
    this.#tell = tell;
    this.#actor.start();
  }

  get signal(): AbortSignal {
    return this.#end.signal;
  }

  get state(): string {
    return this.#actor.getSnapshot().value;
  }

  readonly progress = (progress: Progress): void => {
    const now = this.#clock.now();
    if (this.state !== 'obtaining' || now - this.#toldAt < progressMilliseconds) return;
    this.#toldAt = now;
    this.#tell(progress);
  };

  /**
   * Takes the next step.
   * @throws PosternError CANCELLED when the request has ended meanwhile
   */
  step(type: Exclude<VerificationEvent['type'], 'REFUSED' | 'CANCELLED'>): void {
    if (this.signal.aborted) throw new PosternError('CANCELLED');
    this.#actor.send({ type });
    if (this.state === 'broken') throw new Error(`${type} does not follow`);
  }

  refuse(): void {
    this.#leave('REFUSED');
  }

  cancel(): void {
    this.#leave('CANCELLED');
    this.#end.abort();
  }

  /** Of what may come when all is over already, the first to come counts. */
  #leave(type: 'REFUSED' | 'CANCELLED'): void {
    if (this.#actor.getSnapshot().status === 'active') this.#actor.send({ type });
  }
}

export class Lives {
  readonly #clock: Clock;
  readonly #here = new Map<number, Life>();
  readonly #cancelled = new Set<number>();
  readonly #ended: Record<string, number> = { approved: 0, refused: 0, cancelled: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs one request. Whatever it throws, the life has ended and is forgotten. */
  async run<T>(request: number, tell: OnProgress, work: (life: Life) => Promise<T>): Promise<T> {
    const life = new Life(this.#clock, tell);
    this.#here.set(request, life);
    if (this.#cancelled.delete(request)) life.cancel();
    try {
      return await work(life);
    } catch (thrown) {
      life.refuse();
      throw thrown;
    } finally {
      this.#here.delete(request);
      this.#ended[life.state] = (this.#ended[life.state] ?? 0) + 1;
    }
  }

  /** Ends a request that is here, or will be. */
  cancel(request: number): void {
    const life = this.#here.get(request);
    if (life !== undefined) life.cancel();
    else this.#remember(request);
  }

  #remember(request: number): void {
    this.#cancelled.add(request);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > rememberedCancellations && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  /** Ends all: whoever asked has died. */
  cancelAll(): void {
    for (const life of this.#here.values()) life.cancel();
    this.#cancelled.clear();
  }

  status(): Record<string, unknown> {
    const now: Record<string, number> = {};
    for (const { state } of this.#here.values()) now[state] = (now[state] ?? 0) + 1;
    return { now, ended: { ...this.#ended } };
  }
}
