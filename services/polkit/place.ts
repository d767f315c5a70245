/** Our place on the system bus: one connection for all questions, made when the first one comes and again when one comes after its end. */
import { type Actor, createActor } from 'xstate';
import type { Action } from '../../mesh/authority.ts';
import { type Clock, machineClock } from '../../mesh/clock.ts';
import type { Logger } from '../../mesh/log.ts';
import { Bus, BusLost, busItself } from './bus.ts';
import { placeMachine } from './machine.ts';
import { Presence } from './presence.ts';

/** How old the belief may be that polkit is not installed. */
const lookAgainMilliseconds = 10_000;

export interface PlaceOptions {
  /** where the bus listens */
  readonly path: string;
  /** who the kernel will say that we are */
  readonly uid: number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Seat {
  readonly bus: Bus;
  readonly presence: Presence;
  lookedAt: number;
}

interface Waiting {
  readonly resolve: (bus: Bus | null) => void;
  readonly reject: (why: unknown) => void;
}

export class Place {
  readonly #options: PlaceOptions;
  readonly #actor: Actor<ReturnType<typeof placeMachine>>;
  #seat: Seat | undefined;
  #waiting: Waiting[] = [];

  constructor(options: PlaceOptions) {
    this.#options = options;
    const machine = placeMachine({
      connect: () => void this.#connect(),
      giveUp: () => this.#seat?.bus.close(),
    });
    this.#actor = createActor(machine, { clock: machineClock(options.clock) });
    this.#actor.start();
  }

  /** For people. */
  get state(): string {
    return this.#actor.getSnapshot().value;
  }

  get canAnswer(): boolean {
    return this.#seat?.presence.canAnswer === true;
  }

  canAnswerAbout(action: Action): boolean {
    return this.#seat?.presence.canAnswerAbout(action) === true;
  }

  /**
   * The bus, for a question to polkit; null where the bus runs and has no polkit, or one that does not know the action. Where we are on the
   * bus this asks nobody anything.
   * @throws BusLost where no bus runs (`isAbsent`), or it can't be reached
   */
  take(action: Action): Promise<Bus | null> {
    if (this.state === 'joined' && this.#seat !== undefined) {
      this.#lookAgain(this.#seat);
      return Promise.resolve(this.canAnswerAbout(action) ? this.#seat.bus : null);
    }
    const taken = new Promise<Bus | null>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#actor.send({ type: 'WANTED' });
    return taken;
  }

  /** Whoever answers on this bus has said that they do not know the action. */
  rememberUnknown(action: Action, bus: Bus): void {
    if (this.#seat?.bus === bus) this.#seat.presence.rememberUnknown(action);
  }

  close(): void {
    this.#seat?.bus.close();
    this.#actor.stop();
  }

  async #connect(): Promise<void> {
    const { path, uid, clock, log } = this.#options;
    const presence = new Presence(clock);
    const bus = new Bus(path, uid, {
      signal: (message) => presence.hear(message),
      lost: (why) => this.#lost(bus, why),
    });
    const seat: Seat = { bus, presence, lookedAt: clock.now() };
    this.#seat = seat;
    try {
      await bus.call({ ...busItself, member: 'Hello', signature: '', body() {} });
      await presence.look(bus);
    } catch (error) {
      this.#failed(bus, error);
      return;
    }
    if (this.#seat !== seat) return;
    log.info({ canAnswer: presence.canAnswer }, 'on the system bus');
    this.#actor.send({ type: 'JOINED' });
    for (const { resolve } of this.#waiting.splice(0)) resolve(presence.canAnswer ? bus : null);
  }

  /** It takes a moment to be of effect, so that no question waits for it. */
  #lookAgain(seat: Seat): void {
    const now = this.#options.clock.now();
    if (seat.presence.canAnswer || now - seat.lookedAt < lookAgainMilliseconds) return;
    seat.lookedAt = now;
    seat.presence.lookAgain(seat.bus).catch((error: unknown) => this.#failed(seat.bus, error));
  }

  /** A bus that can't even say who is there is of no use. */
  #failed(bus: Bus, error: unknown): void {
    if (!(error instanceof Error)) throw error;
    if (!(error instanceof BusLost)) bus.close(`the system bus does not let us in: ${error.message}`);
  }

  #lost(bus: Bus, why: BusLost): void {
    if (this.#seat?.bus !== bus) return;
    this.#seat = undefined;
    this.#options.log[why.isAbsent ? 'debug' : 'info']({ why: why.message }, 'not on the system bus');
    for (const { reject } of this.#waiting.splice(0)) reject(why);
    this.#actor.send({ type: 'LOST' });
  }
}
