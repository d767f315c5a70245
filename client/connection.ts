/** A Varlink connection as a client has it: calls out, replies in, matched by their order, which is all that Varlink has. */
import { closeAll, Descriptor } from '../mesh/descriptors.ts';
import { type Chunk, Stream } from '../mesh/stream.ts';
import { native } from '../native/index.ts';
import { Framer } from '../varlink/framing.ts';
import { encodeCall } from '../varlink/message/call.ts';
import { decodeReply, type Reply } from '../varlink/message/reply.ts';
import { type MethodName, type ParametersOf, type ReplyOf, replyShape } from '../varlink/method/registry.ts';
import { BadReply, CallError, ConnectionLost } from './errors.ts';

/** A message ends with NUL. */
const mark = 0;

/** A descriptor that a call borrows: an owned one, a number, or anything with one, such as a `FileHandle`. */
export type Borrowed = number | { readonly fd: number };

/** The answer to a call. */
export interface Answer<T> {
  readonly parameters: T;
  /** the caller's own, to be closed */
  readonly descriptors: Descriptor[];
}

interface Waiting {
  /** more than one reply may come */
  readonly many: boolean;
  /** Takes the descriptors over. `continues`: this call has another reply to come. */
  reply(reply: Reply, descriptors: Descriptor[]): void;
  lost(why: Error): void;
}

export class Connection {
  readonly #stream: Stream;
  readonly #framer = new Framer<Descriptor>();
  readonly #waiting: Waiting[] = [];
  #over: Error | undefined;

  private constructor(socket: Descriptor) {
    const readable = () => this.#readable();
    const hungUp = () => {
      this.#readable();
      this.#end(new ConnectionLost());
    };
    this.#stream = new Stream(socket, { readable, drained() {}, hungUp });
  }

  /**
   * @param path of the socket, or `@name` of an abstract one
   * @throws SystemError where nobody listens there
   */
  static connect(path: string): Connection {
    return new Connection(new Descriptor(native.connect(path)));
  }

  /**
   * Calls a method. Calls may be made before earlier ones are answered; the server takes them one after the other.
   * @param descriptors what the parameters' indices point to; they stay the caller's
   * @throws CallError, ConnectionLost, BadReply
   */
  call<N extends MethodName>(method: N, parameters: ParametersOf<N>, descriptors: readonly Borrowed[] = []): Promise<Answer<ReplyOf<N>>> {
    const shape = replyShape(method);
    return new Promise((resolve, reject) => {
      this.#send(encodeCall(method, parameters), descriptors, {
        many: false,
        reply: ({ parameters: got, error }, received) => {
          if (error === null && shape.fits(got)) {
            resolve({ parameters: got, descriptors: received });
            return;
          }
          closeAll(received);
          reject(error === null ? badReply(method, shape.fault(got)) : new CallError(error, got));
        },
        lost: reject,
      });
    });
  }

  /**
   * Calls a method that replies several times, the last time as its return value. Ending the loop early ends the connection, since
   * Varlink has no other way to take a call back. Descriptors that come along are closed.
   */
  async *stream<N extends MethodName>(
    method: N,
    parameters: ParametersOf<N>,
    descriptors: readonly Borrowed[] = [],
  ): AsyncGenerator<ReplyOf<N>, ReplyOf<N>, void> {
    const shape = replyShape(method);
    const came: (Reply | Error)[] = [];
    let wake = () => {};
    const arrived = (item: Reply | Error) => {
      came.push(item);
      wake();
    };
    const reply = (item: Reply, received: Descriptor[]) => {
      closeAll(received);
      arrived(item);
    };
    this.#send(encodeCall(method, parameters, 'more'), descriptors, { many: true, reply, lost: arrived });
    let finished = false;
    try {
      for (;;) {
        if (came.length === 0) await new Promise<void>((resolve) => (wake = resolve));
        const item = came.shift();
        if (item === undefined) continue;
        finished = item instanceof Error || !item.continues;
        if (item instanceof Error) throw item;
        const { parameters: got, error, continues } = item;
        if (error !== null) throw new CallError(error, got);
        if (!shape.fits(got)) throw badReply(method, shape.fault(got));
        if (!continues) return got;
        yield got;
      }
    } finally {
      if (!finished) this.close();
    }
  }

  /** Ends the connection. Calls that wait for an answer fail. */
  close(): void {
    this.#end(new ConnectionLost('the connection was closed'));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(bytes: Buffer, descriptors: readonly Borrowed[], waiting: Waiting): void {
    if (this.#over !== undefined) {
      waiting.lost(this.#over);
      return;
    }
    this.#waiting.push(waiting);
    // The stream closes what it sends, and what it can't send at once must outlive the caller's own.
    this.#stream.write(bytes, descriptors.map(duplicate));
  }

  #readable(): void {
    while (this.#over === undefined) {
      const chunk = this.#stream.read(mark, this.#framer.pendingBytes > 0);
      if (chunk === 'nothing') return;
      if (chunk === 'end') this.#end(new ConnectionLost());
      else this.#take(chunk);
    }
  }

  #take({ bytes, descriptors, lost }: Chunk): void {
    try {
      if (lost) throw new BadReply('there was no room for the descriptors of a reply');
      for (const message of this.#framer.push(bytes, descriptors)) this.#reply(decodeReply(message.bytes), message.descriptors);
    } catch (error) {
      closeAll(descriptors);
      this.#end(error instanceof Error ? error : new BadReply());
    }
  }

  #reply(reply: Reply, descriptors: Descriptor[]): void {
    const waiting = this.#waiting[0];
    if (waiting === undefined) throw new BadReply('a reply came to no call');
    if (reply.continues && !waiting.many) throw new BadReply('a call that has one reply was to get more');
    if (!reply.continues) this.#waiting.shift();
    waiting.reply(reply, descriptors);
  }

  #end(why: Error): void {
    if (this.#over !== undefined) return;
    this.#over = why;
    closeAll(this.#framer.abandon());
    this.#stream.close();
    for (const waiting of this.#waiting.splice(0)) waiting.lost(why);
  }
}

function duplicate(borrowed: Borrowed): Descriptor {
  return new Descriptor(native.duplicate(typeof borrowed === 'number' ? borrowed : borrowed.fd));
}

function badReply(method: string, field: string | null): BadReply {
  return new BadReply(`the reply to ${method} has no sound ${field === '' || field === null ? 'parameters' : field}`);
}
