/** From the bytes of a bus to lines, while it asks who we are, and to whole messages from then on. Pure. */
import { fixedBytes, messageBytes } from './message.ts';
import { Breach } from './reader.ts';

/** A bus answers in a few words and a number of 32 digits. */
const maxLineBytes = 512;

export class Framing {
  #waiting: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? bytes : Buffer.concat([this.#waiting, bytes]);
  }

  /** The next line, without its end; undefined where it is not all there. @throws Breach */
  line(): string | undefined {
    const end = this.#waiting.subarray(0, maxLineBytes).indexOf('\r\n');
    if (end < 0 && this.#waiting.length >= maxLineBytes) throw new Breach('a line that is too long');
    return end < 0 ? undefined : this.#cut(end + 2).toString('latin1', 0, end);
  }

  /** The next message; undefined where it is not all there. @throws Breach */
  message(): Buffer | undefined {
    if (this.#waiting.length < fixedBytes) return undefined;
    const length = messageBytes(this.#waiting);
    return this.#waiting.length < length ? undefined : this.#cut(length);
  }

  #cut(length: number): Buffer {
    const cut = this.#waiting.subarray(0, length);
    this.#waiting = this.#waiting.subarray(length);
    return cut;
  }
}
