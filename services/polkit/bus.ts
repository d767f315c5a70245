/** One connection to the system bus, from its first byte to its end. Whatever was asked over it ends with it. */
import { createConnection, type Socket } from 'node:net';
import { Framing } from './dbus/framing.ts';
import { begin, checkWelcome, hail } from './dbus/greeting.ts';
import { type Call, decodeMessage, encodeCall, type Incoming } from './dbus/message.ts';
import { Breach } from './dbus/reader.ts';

/** The bus itself, as one of its own clients. */
export const busName = 'org.freedesktop.DBus';
/** The bus's own methods. */
export const busItself = { destination: busName, path: '/org/freedesktop/DBus', interface: busName } as const;

const maxSerial = 0xffff_ffff;

/** Somebody answered a call with an error. */
export class BusError extends Error {
  override readonly name = 'BusError';

  /** @param errorName such as `org.freedesktop.DBus.Error.NoReply` */
  constructor(
    readonly errorName: string,
    text: string,
  ) {
    super(text);
  }
}

/** There is no connection any more, or never was. */
export class BusLost extends Error {
  override readonly name = 'BusLost';

  /** @param isAbsent nobody listens at the bus's place: this machine has none at present */
  constructor(
    why: string,
    readonly isAbsent = false,
  ) {
    super(why);
  }
}

/** What a failed connect says where no bus runs. Anything else, such as a full queue, is a bus that can't be reached. */
const nobodyListens = ['ENOENT', 'ENOTDIR', 'ECONNREFUSED'];

export interface BusEvents {
  signal(message: Incoming): void;
  /** Comes once, also after `close`. */
  lost(why: BusLost): void;
}

interface Waiting {
  readonly resolve: (reply: Incoming) => void;
  readonly reject: (why: Error) => void;
}

export class Bus {
  readonly #socket: Socket;
  readonly #events: BusEvents;
  readonly #framing = new Framing();
  readonly #waiting = new Map<number, Waiting>();
  /** what was to be sent before we were let in */
  #early: Buffer[] | undefined = [];
  #serial = 0;
  #lost: BusLost | undefined;

  /** Begins to connect; calls may be made at once. */
  constructor(path: string, uid: number, events: BusEvents) {
    this.#events = events;
    this.#socket = createConnection({ path });
    this.#socket.on('connect', () => this.#socket.write(hail(uid)));
    this.#socket.on('data', (bytes) => this.#received(bytes));
    this.#socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#lose(new BusLost(`the system bus: ${error.code ?? error.message}`, nobodyListens.includes(error.code ?? '')));
    });
    this.#socket.on('close', () => this.#lose(new BusLost('the system bus ended the connection')));
  }

  /**
   * Resolves to the reply.
   * @param signal ends the wait; what was asked for may still be done
   * @throws BusError, BusLost, or the signal's reason
   */
  call(call: Call, signal?: AbortSignal): Promise<Incoming> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const serial = this.#send(call);
      const abort = () => {
        this.#waiting.delete(serial);
        reject(signal?.reason);
      };
      const settle =
        <T>(act: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', abort);
          act(value);
        };
      if (this.#lost !== undefined) return reject(this.#lost);
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.set(serial, { resolve: settle(resolve), reject: settle(reject) });
    });
  }

  /** A call whose outcome nobody waits for. */
  tell(call: Call): void {
    this.#send({ ...call, noReply: true });
  }

  close(why = 'the connection was closed'): void {
    this.#lose(new BusLost(why));
  }

  #send(call: Call): number {
    this.#serial = (this.#serial % maxSerial) + 1;
    const bytes = encodeCall(call, this.#serial);
    if (this.#early !== undefined) this.#early.push(bytes);
    else if (this.#lost === undefined) this.#socket.write(bytes);
    return this.#serial;
  }

  #received(bytes: Buffer): void {
    if (this.#lost !== undefined) return;
    try {
      this.#framing.push(bytes);
      if (this.#early !== undefined) this.#greeted(this.#framing.line());
      if (this.#early !== undefined) return;
      for (let next = this.#framing.message(); next !== undefined; next = this.#framing.message()) this.#take(decodeMessage(next));
    } catch (error) {
      if (!(error instanceof Breach)) throw error;
      this.#lose(new BusLost(`the system bus broke its protocol: ${error.message}`));
    }
  }

  #greeted(line: string | undefined): void {
    if (line === undefined) return;
    checkWelcome(line);
    this.#socket.write(begin);
    for (const bytes of this.#early?.splice(0) ?? []) this.#socket.write(bytes);
    this.#early = undefined;
  }

  /** Calls of others are not for us to answer: we offer nothing. */
  #take(message: Incoming): void {
    if (message.kind === 'signal') this.#events.signal(message);
    const waiting = this.#waiting.get(message.replySerial);
    if (waiting === undefined || (message.kind !== 'reply' && message.kind !== 'error')) return;
    this.#waiting.delete(message.replySerial);
    if (message.kind === 'reply') waiting.resolve(message);
    else waiting.reject(new BusError(message.errorName, message.signature.startsWith('s') ? message.body.string() : ''));
  }

  #lose(why: BusLost): void {
    if (this.#lost !== undefined) return;
    this.#lost = why;
    this.#early = undefined;
    this.#socket.destroy();
    for (const { reject } of this.#waiting.values()) reject(why);
    this.#waiting.clear();
    this.#events.lost(why);
  }
}
