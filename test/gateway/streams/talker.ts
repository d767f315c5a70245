/** Plays a planned stream to a gateway, with its cuts, pauses and descriptors, and writes down what is heard. */
import { closeAll, Descriptor } from '../../../mesh/descriptors.ts';
import { Stream } from '../../../mesh/stream.ts';
import { isSystemError, native } from '../../../native/index.ts';
import type { Plan } from './plan.ts';
import type { Kind } from './texts.ts';

export interface HeardMessage {
  /** without its NUL */
  readonly bytes: Buffer;
  /** how many came with it */
  readonly descriptors: number;
}

export interface Heard {
  readonly messages: readonly HeardMessage[];
  /** bytes after the last NUL */
  readonly rest: number;
  /** how the conversation came to its end; `patience`: it did not */
  readonly end: 'theirs' | 'ours' | 'patience';
}

/** Open files to send, by what they are. */
export type Hand = Readonly<Record<Kind, number>>;

/** Far beyond every deadline of the gateways that are talked to. */
const patienceMilliseconds = 120_000;
const momentMilliseconds = 1;
const lateMilliseconds = 20;

export async function talk(path: string, { parts, ending, expected }: Plan, hand: Hand): Promise<Heard> {
  const talker = new Talker(path);
  const timer = setTimeout(() => talker.finish('patience'), patienceMilliseconds);
  try {
    if (ending === 'late') talker.deaf = true;
    for (const { bytes, descriptors, pause } of parts) {
      talker.send(
        bytes,
        descriptors.map((kind) => hand[kind]),
      );
      if (pause === 'turn') await new Promise((resolve) => setImmediate(resolve));
      if (pause === 'moment') await new Promise((resolve) => setTimeout(resolve, momentMilliseconds));
    }
    if (ending === 'leave' || ending === 'abort') talker.finish('ours');
    if (ending === 'half' || ending === 'late') await talker.sayGoodbye();
    if (ending === 'late') await new Promise((resolve) => setTimeout(resolve, lateMilliseconds));
    talker.deaf = false;
    if (ending === 'stay' && !expected.ends) talker.leaveAfter(expected.certain);
    return await talker.heard;
  } finally {
    clearTimeout(timer);
  }
}

class Talker {
  readonly heard: Promise<Heard>;
  readonly #stream: Stream;
  readonly #socket: number;
  readonly #messages: HeardMessage[] = [];
  #partial: Buffer[] = [];
  #descriptors = 0;
  #lastReply = Number.POSITIVE_INFINITY;
  #tell: (heard: Heard) => void = () => {};
  #over = false;
  #gone = false;
  #wake = () => {};

  constructor(path: string) {
    this.heard = new Promise((resolve) => (this.#tell = resolve));
    this.#socket = native.connect(path);
    this.#stream = new Stream(new Descriptor(this.#socket), {
      readable: () => this.#read(),
      drained: () => this.#wake(),
      hungUp: () => {
        this.#gone = true;
        this.#wake();
        if (!this.#deaf) this.#read();
      },
    });
  }

  #deaf = false;
  set deaf(deaf: boolean) {
    this.#deaf = deaf;
    if (this.#over) return;
    this.#stream.reading = !deaf;
    if (!deaf && this.#gone) this.#read();
  }

  send(bytes: Buffer, descriptors: readonly number[]): void {
    if (this.#over) return;
    this.#stream.write(
      bytes,
      descriptors.map((fd) => new Descriptor(native.duplicate(fd))),
    );
  }

  /** Once all is with the kernel, or nobody wants it. */
  async sayGoodbye(): Promise<void> {
    while (this.#stream.writing && !this.#gone && !this.#over) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#over) return;
    try {
      native.shutdownWrite(this.#socket);
    } catch (error) {
      if (!isSystemError(error)) throw error;
    }
  }

  leaveAfter(replies: number): void {
    this.#lastReply = replies;
    if (this.#finals() >= replies) this.finish('ours');
  }

  finish(end: Heard['end']): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream.close();
    this.#wake();
    this.#tell({ messages: this.#messages, rest: this.#partial.reduce((sum, { length }) => sum + length, 0), end });
  }

  /** Replies that no other follows to the same call. */
  #finals(): number {
    return this.#messages.filter(({ bytes }) => !bytes.includes('"continues":true')).length;
  }

  #read(): void {
    while (!this.#over) {
      const chunk = this.#stream.read(0, this.#partial.length > 0);
      if (chunk === 'nothing') return;
      if (chunk === 'end') {
        this.finish('theirs');
        return;
      }
      closeAll(chunk.descriptors);
      this.#descriptors += chunk.descriptors.length;
      const whole = chunk.bytes.at(-1) === 0;
      this.#partial.push(Buffer.from(whole ? chunk.bytes.subarray(0, -1) : chunk.bytes));
      if (!whole) continue;
      this.#messages.push({ bytes: Buffer.concat(this.#partial), descriptors: this.#descriptors });
      this.#partial = [];
      this.#descriptors = 0;
      if (this.#messages.length >= this.#lastReply && this.#finals() >= this.#lastReply) this.finish('ours');
    }
  }
}
