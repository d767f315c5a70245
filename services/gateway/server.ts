/** The doors: listening sockets, who comes in by them, and who has to stay outside. */
import type { Clock, Timer } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { Logger } from '../../mesh/log.ts';
import { isSystemError, native, type Poller } from '../../native/index.ts';
import { type Caller, Connection, type House } from './connection.ts';
import { accountOf } from './limits.ts';

/** Connections accepted for one wake-up; then those that are open already have their turn. */
const batch = 64;
/** How long nobody is let in when the machine itself has no room for another descriptor. */
const pauseMilliseconds = 100;

interface Door {
  readonly listener: Descriptor;
  readonly poller: Poller;
}

export class Server {
  readonly #house: House;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #doors: Door[] = [];
  readonly #connections = new Set<Connection>();
  /** Given up for a moment to accept, and turn away, someone for whom there is no descriptor left. */
  #reserve: Descriptor | undefined;
  #pause: Timer | undefined;
  #turnedAway = 0;
  #closed = false;

  constructor(house: House, log: Logger) {
    this.#house = house;
    this.#clock = house.clock;
    this.#log = log;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** How many were not let in since there were too many. */
  get turnedAway(): number {
    return this.#turnedAway;
  }

  /** Opens another door, taking the listening socket over. */
  listen(listener: Descriptor): void {
    if (this.#closed) {
      listener.close();
      return;
    }
    this.#reserve ??= listener.duplicate();
    const poller = native.poll(listener.fd, () => this.#accept(listener));
    this.#doors.push({ listener, poller });
    poller.watch(true, false);
  }

  /** Lets nobody in any more and ends every connection. */
  close(): void {
    this.#closed = true;
    this.#pause?.cancel();
    for (const { listener, poller } of this.#doors.splice(0)) {
      poller.close();
      listener.close();
    }
    this.#reserve?.close();
    this.#reserve = undefined;
    for (const connection of [...this.#connections]) connection.close();
  }

  #accept(listener: Descriptor): void {
    for (let left = batch; left > 0; left -= 1) {
      try {
        const socket = native.accept(listener.fd);
        if (socket === null) return;
        this.#welcome(new Descriptor(socket));
      } catch (error) {
        if (!isShortage(error)) throw error;
        this.#turnAway(listener);
        return;
      }
    }
  }

  #welcome(socket: Descriptor): void {
    const { uid, gid, pid } = native.peerCredentials(socket.fd);
    const account = accountOf(uid);
    if (!this.#house.ledger.openConnection(account)) {
      this.#turnedAway += 1;
      this.#log.debug({ uid }, 'too many connections');
      socket.close();
      return;
    }
    let process: number | null;
    try {
      process = native.peerProcess(socket.fd);
    } catch (error) {
      this.#house.ledger.closeConnection(account);
      socket.close();
      throw error;
    }
    const caller: Caller = {
      peer: { uid, gid, pid },
      cookie: native.socketCookie(socket.fd),
      process: process === null ? null : new Descriptor(process),
      account,
    };
    const connection = new Connection(this.#house, socket, caller, () => this.#connections.delete(connection));
    this.#connections.add(connection);
  }

  /**
   * There is no descriptor for whoever is at the door, and as long as they wait there the loop would spin. With the reserve they
   * are let in and out again at once, so that they know; where even that fails, the doors stay shut for a moment.
   */
  #turnAway(listener: Descriptor): void {
    this.#turnedAway += 1;
    this.#log.warn({ connections: this.#connections.size }, 'no descriptor left for another connection');
    this.#reserve?.close();
    this.#reserve = undefined;
    try {
      const socket = native.accept(listener.fd);
      if (socket !== null) native.close(socket);
      this.#reserve = listener.duplicate();
    } catch (error) {
      if (!isShortage(error)) throw error;
      this.#shut();
    }
  }

  #shut(): void {
    for (const { poller } of this.#doors) poller.watch(false, false);
    this.#pause ??= this.#clock.after(pauseMilliseconds, () => {
      this.#pause = undefined;
      for (const { poller } of this.#doors) poller.watch(true, false);
    });
  }
}

/** No descriptors, or no memory for one: it may pass. */
function isShortage(error: unknown): boolean {
  return isSystemError(error) && ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'].includes(error.code);
}
