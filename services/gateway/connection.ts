/**
 * One client's connection: calls in, answers out, in the same order. One call at a time is acted on, since the next may build on it (a
 * mount for the range that was just allocated); a few more are read ahead, and the rest waits with the kernel, and so with the client.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import { Stream } from '../../mesh/stream.ts';
import { encodeError, encodeReply } from '../../varlink/message/reply.ts';
import { Calls, type Pending } from './calls.ts';
import { translate } from './errors.ts';
import type { Ledger } from './limits.ts';
import type { Cause } from './machine.ts';
import type { Client, Ending, Request } from './request.ts';
import type { Requests } from './requests.ts';
import type { Turn, Turns } from './turns.ts';
import type { UnreadWatch } from './unread.ts';

/** Messages read for one wake-up; then the other clients have their turn. */
const batch = 8;

/** What all connections share. */
export interface House {
  readonly requests: Requests;
  readonly ledger: Ledger;
  readonly turns: Turns;
  readonly unread: UnreadWatch;
  readonly clock: Clock;
  readonly calls_per_connection: number;
  /** milliseconds for a message from its first byte to its last, and for a client to take an answer */
  readonly silence: number;
}

/** Who is at the other end, as the socket told when it was accepted. */
export interface Caller {
  readonly peer: Peer;
  readonly cookie: string;
  /** pidfd; the connection's own from here on */
  readonly process: Descriptor | null;
  /** who it is to the limits */
  readonly account: number;
}

export class Connection {
  readonly #house: House;
  readonly #caller: Caller;
  readonly #client: Client;
  readonly #closed: () => void;
  readonly #stream: Stream;
  readonly #calls: Calls;
  /** the call that is acted on or waits for its turn */
  #current: Pending | undefined;
  #turn: Turn | undefined;
  #request: Request | undefined;
  /** what to do when all that was written is with the kernel */
  #written: (() => void) | undefined;
  #stall: Timer | undefined;
  /** descriptors that were sent and, as far as is known, not read yet */
  #unread = 0;
  #stepping = false;
  /** the client is gone for good; oneway calls outlive it */
  #gone = false;
  #over = false;

  /** Takes the socket and the caller's pidfd over. The ledger knows of the connection already. */
  constructor(house: House, socket: Descriptor, caller: Caller, closed: () => void) {
    this.#house = house;
    this.#caller = caller;
    this.#closed = closed;
    this.#client = {
      peer: caller.peer,
      cookie: caller.cookie,
      process: caller.process,
      progress: (parameters) => this.#progress(parameters),
      reply: (parameters, descriptors, written) => this.#write(encodeReply(parameters), descriptors, written),
    };
    const { ledger, clock, silence, calls_per_connection: ahead } = house;
    const events = { readable: () => this.#readable(), drained: () => this.#drained(), hungUp: () => this.#hungUp() };
    const stream = new Stream(socket, events, clock);
    this.#stream = stream;
    this.#calls = new Calls({ stream, ledger, account: caller.account, clock, silence, ahead, changed: () => this.#step() });
  }

  /** Descriptors that the client has read count against it no longer. */
  checkUnread(): void {
    if (this.#over || this.#stream.unread > 0) return;
    this.#forgetUnread();
    this.#step();
  }

  /** Ends it now; what was under way is cancelled. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#gone = true;
    this.#stall?.cancel();
    this.#calls.close();
    this.#stream.close();
    this.#abandonCurrent();
    this.#forgetUnread();
    this.#caller.process?.close();
    this.#house.ledger.closeConnection(this.#caller.account);
    this.#closed();
  }

  #readable(): void {
    this.#calls.read(batch, this.#busy);
    this.#step();
  }

  get #busy(): boolean {
    return this.#current !== undefined;
  }

  /** Goes on as far as it can. Calls that are answered at once come back here, so one loop does it for all of them. */
  #step(): void {
    if (this.#stepping || this.#over) return;
    this.#stepping = true;
    do {
      while (!this.#busy && !this.#stream.writing) {
        const next = this.#calls.shift();
        if (next === undefined) break;
        this.#take(next);
      }
    } while (this.#gone && this.#readRest());
    this.#stepping = false;
    const idle = !this.#busy && !this.#stream.writing && this.#unread === 0 && this.#calls.waiting === 0;
    if (idle && (this.#calls.ended || this.#gone)) this.close();
    else this.#calls.listen(this.#busy);
  }

  /** Of a client that is gone, only oneway calls are still of interest, and no event tells of them. */
  #readRest(): boolean {
    if (this.#busy) return false;
    this.#calls.read(Number.POSITIVE_INFINITY, this.#busy);
    const came = this.#calls.waiting > 0;
    this.#calls.keepOnly(isOneway);
    return came;
  }

  #take(pending: Pending): void {
    const { call, refusal } = pending;
    if (call === null) {
      this.#calls.release(pending);
      if (refusal !== null) this.#tell(refusal, '');
      return;
    }
    this.#current = pending;
    let begun = false;
    const turn = this.#house.turns.ask(this.#caller.account, (mine) => {
      begun = true;
      this.#turn = mine;
      const request = this.#house.requests.begin(call, this.#client, pending.descriptors, (ending) => this.#ended(pending, ending));
      if (this.#current === pending) this.#request = request;
    });
    if (!begun) this.#turn = turn;
  }

  #ended(pending: Pending, { cause }: Ending): void {
    this.#calls.release(pending);
    this.#turn?.end();
    this.#current = undefined;
    this.#turn = undefined;
    this.#request = undefined;
    if (cause !== null && pending.call?.wish !== 'oneway') this.#tell(cause, pending.call?.method ?? '');
    this.#step();
  }

  #tell(cause: Cause, method: string): void {
    const { name, parameters } = translate(cause, method);
    this.#write(encodeError(name, parameters), [], () => {});
  }

  /** How far something is matters only while it is news. */
  #progress(parameters: object): void {
    if (!this.#stream.writing) this.#write(encodeReply(parameters, true), [], () => {});
  }

  #write(bytes: Buffer, descriptors: readonly Descriptor[], written: () => void): void {
    if (descriptors.length > 0) {
      this.#unread += descriptors.length;
      this.#house.ledger.hold(this.#caller.account, 0, descriptors.length);
      this.#house.unread.add(this);
    }
    this.#written = written;
    this.#stream.write(bytes, descriptors);
    if (this.#stream.writing) this.#stall ??= this.#house.clock.after(this.#house.silence, () => this.close());
    else this.#drained();
  }

  #drained(): void {
    this.#stall?.cancel();
    this.#stall = undefined;
    const written = this.#written;
    this.#written = undefined;
    written?.();
    this.#step();
  }

  #hungUp(): void {
    this.#gone = true;
    this.#stall?.cancel();
    this.#forgetUnread();
    this.#calls.keepOnly(isOneway);
    if (this.#current !== undefined && !isOneway(this.#current)) this.#abandonCurrent();
    this.#step();
  }

  /** A request that runs ends by itself, and comes back through `#ended`; one that waits for its turn does so no longer. */
  #abandonCurrent(): void {
    if (this.#request !== undefined) {
      this.#request.clientGone();
      return;
    }
    if (this.#current === undefined) return;
    this.#turn?.end();
    this.#turn = undefined;
    this.#calls.release(this.#current);
    this.#current = undefined;
  }

  #forgetUnread(): void {
    if (this.#unread === 0) return;
    this.#house.unread.remove(this);
    this.#house.ledger.release(this.#caller.account, 0, this.#unread);
    this.#unread = 0;
  }
}

function isOneway({ call }: Pending): boolean {
  return call?.wish === 'oneway';
}
