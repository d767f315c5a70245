/**
 * The reading half of a connection: calls in their order, a few read ahead, within what their user may hold. What breaks the protocol
 * ends it: nothing is read after that, and what came before is still answered.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Chunk, Stream } from '../../mesh/stream.ts';
import { Framer, type Message, maxMessageBytes } from '../../varlink/framing.ts';
import { ProtocolBreach } from '../../varlink/message/breach.ts';
import { type Call, decodeCall } from '../../varlink/message/call.ts';
import type { Ledger } from './limits.ts';

/** A message ends with NUL. */
const mark = 0;

/** Something to act on once all before it is answered. */
export interface Pending {
  /** null where the stream ended in something that is no call */
  readonly call: Call | null;
  /** what to answer in that case, if anything: a call had begun */
  readonly refusal: PosternError | null;
  readonly descriptors: readonly Descriptor[];
  readonly bytes: number;
}

export interface CallsOptions {
  readonly stream: Stream;
  readonly ledger: Ledger;
  /** who the caller is to the ledger */
  readonly account: number;
  readonly clock: Clock;
  /** milliseconds from the first byte of a message to its last */
  readonly silence: number;
  /** how many calls are read before the first of them is answered */
  readonly ahead: number;
  /** called where something changed without a read: there is room again, or a message did not come to its end */
  readonly changed: () => void;
}

export class Calls {
  readonly #options: CallsOptions;
  readonly #framer = new Framer<Descriptor>();
  readonly #waiting: Pending[] = [];
  /** bytes of the unfinished message */
  #bytes = 0;
  #silence: Timer | undefined;
  #ended = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** Nothing more will come than what waits here. */
  get ended(): boolean {
    return this.#ended;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes the oldest; whoever has it gives it back with `release`. */
  shift(): Pending | undefined {
    return this.#waiting.shift();
  }

  /** Reads at most `limit` times, as long as there is something to read and room for it. `busy`: a call that was taken is not answered yet. */
  read(limit: number, busy: boolean): void {
    for (let left = limit; left > 0 && this.#hasRoom(busy); left -= 1) {
      const chunk = this.#options.stream.read(mark, this.#framer.pendingBytes > 0);
      if (chunk === 'nothing') break;
      if (chunk === 'end') this.#end();
      else this.#take(chunk);
    }
  }

  /** Lets the loop tell when there is something to read, as far as it would be read. */
  listen(busy: boolean): void {
    this.#options.stream.reading = this.#hasRoom(busy);
  }

  /** The call is answered, or nobody wants the answer: its user may hold that much more again. Closes what descriptors are left. */
  release({ bytes, descriptors }: Pending): void {
    closeAll(descriptors);
    this.#options.ledger.release(this.#options.account, bytes, descriptors.length);
  }

  /** Drops calls that nobody waits for the answer of. */
  keepOnly(wanted: (pending: Pending) => boolean): void {
    for (const pending of this.#waiting.splice(0)) {
      if (wanted(pending)) this.#waiting.push(pending);
      else this.release(pending);
    }
  }

  close(): void {
    this.#end();
    this.keepOnly(() => false);
  }

  #hasRoom(busy: boolean): boolean {
    const { ahead, ledger, account } = this.#options;
    if (this.#ended || this.#waiting.length + (busy ? 1 : 0) >= ahead) return false;
    if (ledger.mayRead(account)) return true;
    ledger.whenRoom(account, this.#options.changed);
    return false;
  }

  #take({ bytes, descriptors, lost }: Chunk): void {
    this.#options.ledger.hold(this.#options.account, bytes.length, descriptors.length);
    this.#bytes += bytes.length;
    if (lost) {
      this.#refuse(new PosternError('LIMIT_REACHED', 'there was no room for the descriptors'), descriptors);
      return;
    }
    try {
      for (const message of this.#framer.push(bytes, descriptors)) this.#queue(message);
    } catch (error) {
      if (!(error instanceof ProtocolBreach)) throw error;
      this.#refuse(error.kind === 'too-long' ? tooLong : null, descriptors);
    }
    if (this.#framer.pendingBytes === 0) this.#stopWatch();
    else this.#silence ??= this.#options.clock.after(this.#options.silence, () => this.#fellSilent());
  }

  #queue({ bytes, descriptors }: Message<Descriptor>): void {
    const held = { refusal: null, descriptors, bytes: this.#bytes };
    this.#bytes = 0;
    try {
      this.#waiting.push({ call: decodeCall(bytes), ...held });
    } catch (error) {
      if (!(error instanceof ProtocolBreach)) throw error;
      this.#waiting.push({ call: null, ...held });
      this.#end();
    }
  }

  /** What came of the unfinished message, and with it `descriptors`, is held until all before it is answered. */
  #refuse(refusal: PosternError | null, descriptors: readonly Descriptor[]): void {
    this.#waiting.push({ call: null, refusal, descriptors: [...this.#framer.abandon(), ...descriptors], bytes: this.#bytes });
    this.#bytes = 0;
    this.#end();
  }

  #fellSilent(): void {
    this.#refuse(new PosternError('TIMED_OUT', 'a message did not come to its end'), []);
    this.#options.changed();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWatch();
    this.#options.ledger.forgetRoom(this.#options.account, this.#options.changed);
    this.release({ call: null, refusal: null, descriptors: this.#framer.abandon(), bytes: this.#bytes });
    this.#bytes = 0;
  }

  #stopWatch(): void {
    this.#silence?.cancel();
    this.#silence = undefined;
  }
}

const tooLong = new PosternError('LIMIT_REACHED', `a message may have ${maxMessageBytes >> 20} MiB`);
