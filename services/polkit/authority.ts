/** The questions that are here: each ends with a verdict, within its time, whatever becomes of the bus, of polkit, or of who asked. */
import type { Verdict } from '../../mesh/authority.ts';
import type { Clock } from '../../mesh/clock.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import type { Logger } from '../../mesh/log.ts';
import type { Node, Payload } from '../../mesh/protocol.ts';
import { type Bus, BusError, BusLost } from './bus.ts';
import { cancelCheck, checkAuthorization, meansAbsent, meansUnknown, type Question, verdictOf } from './check.ts';
import { Breach } from './dbus/reader.ts';
import { pathOf } from './path.ts';
import type { Place } from './place.ts';
import { subjectOf } from './subject.ts';
import { Turns } from './turns.ts';

/** Cancellations that came before their question: the gateway sends them another way than the question travels. */
const rememberedCancellations = 4096;

export interface Answer {
  readonly verdict: Verdict;
  /** what went wrong; empty where nothing did */
  readonly detail: string;
}

export interface AuthorityOptions {
  readonly place: Place;
  readonly clock: Clock;
  readonly log: Logger;
  /** milliseconds for an answer that needs no person */
  readonly patience: number;
}

/** Why a question was given up. */
class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

interface Here {
  readonly from: Node;
  readonly request: number;
  readonly end: AbortController;
}

export class Authority {
  readonly #options: AuthorityOptions;
  readonly #turns = new Turns();
  readonly #here = new Set<Here>();
  readonly #cancelled = new Set<number>();
  readonly #told: Record<Verdict, number> = { yes: 0, no: 0, challenge: 0, absent: 0, failed: 0 };
  #count = 0;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  /** Borrows the descriptors. Never rejects for what the bus, polkit or the caller did. */
  async answer(from: Node, asked: Payload<'authority.ask'>, process: Descriptor, directory: Descriptor | undefined): Promise<Answer> {
    const here: Here = { from, request: asked.request, end: new AbortController() };
    const { clock, patience } = this.#options;
    const left = asked.deadline - clock.now();
    const give = () => here.end.abort(new GivenUp('polkit took too long'));
    const timer = clock.after(asked.interactive ? left : Math.min(left, patience), give);
    this.#here.add(here);
    try {
      if (this.#cancelled.delete(asked.request)) throw new GivenUp('nobody waits for the answer');
      const verdict = await this.#ask(asked, process, directory, here.end.signal);
      this.#told[verdict] += 1;
      return { verdict, detail: '' };
    } catch (error) {
      return this.#failed(error);
    } finally {
      timer.cancel();
      this.#here.delete(here);
    }
  }

  /** Takes back whatever is, or will be, asked for a request. */
  cancel(request: number): void {
    const its = [...this.#here].filter((here) => here.request === request);
    for (const { end } of its) end.abort(new GivenUp('nobody waits for the answer'));
    if (its.length > 0) return;
    this.#cancelled.add(request);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > rememberedCancellations && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  /** Takes back what a sibling asked that has died. */
  cancelAllOf(from: Node): void {
    for (const here of this.#here) if (here.from === from) here.end.abort(new GivenUp('nobody waits for the answer'));
  }

  status(): Record<string, unknown> {
    const { place } = this.#options;
    return {
      bus: place.state,
      canAnswer: place.canAnswer,
      asking: this.#turns.underWay,
      waiting: this.#turns.waiting,
      told: { ...this.#told },
    };
  }

  async #ask(
    asked: Payload<'authority.ask'>,
    process: Descriptor,
    directory: Descriptor | undefined,
    signal: AbortSignal,
  ): Promise<Verdict> {
    const bus = await orAbort(this.#options.place.take(asked.action), signal).catch((error: unknown) => {
      if (error instanceof BusLost && error.isAbsent) return null;
      throw error;
    });
    if (bus === null) return 'absent';
    const subject = subjectOf(process, asked.peer);
    if (subject === undefined) throw new GivenUp('the process that connected has ended');
    const path = directory && { directory: pathOf(directory, asked.directory?.child ?? null) };
    this.#count += 1;
    const { action, interactive, peer } = asked;
    const question: Question = { subject, action, interactive, details: { ...asked.details, ...path }, name: `postern-${this.#count}` };
    if (!interactive) {
      await this.#turns.beginQuick(signal);
      return this.#put(bus, question, signal).finally(() => this.#turns.endQuick());
    }
    if (!this.#turns.beginPerson(peer.uid)) throw new GivenUp('people are asked too much already');
    return this.#put(bus, question, signal).finally(() => this.#turns.endPerson(peer.uid));
  }

  async #put(bus: Bus, question: Question, signal: AbortSignal): Promise<Verdict> {
    try {
      return verdictOf(await bus.call(checkAuthorization(question), signal));
    } catch (error) {
      if (error instanceof BusError && meansAbsent(error.errorName)) return 'absent';
      if (error instanceof BusError && meansUnknown(error.errorName, error.message)) {
        this.#options.place.rememberUnknown(question.action, bus);
        return 'absent';
      }
      // Nobody may be left with a dialog whose answer counts for nothing.
      if (signal.aborted) bus.tell(cancelCheck(question.name));
      throw error;
    }
  }

  #failed(error: unknown): Answer {
    const { log } = this.#options;
    this.#told.failed += 1;
    if (error instanceof GivenUp || error instanceof BusLost || error instanceof Breach)
      return { verdict: 'failed', detail: error.message };
    if (error instanceof BusError) {
      log.warn({ error: error.errorName, text: error.message }, 'polkit could not answer');
      return { verdict: 'failed', detail: error.errorName.slice(0, 255) };
    }
    log.error({ err: error }, 'a question met a bug');
    return { verdict: 'failed', detail: '' };
  }
}

/** What is waited for, or the end of the wait. */
function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
