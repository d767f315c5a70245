/** Cuts a stream into messages at NUL bytes, and keeps each descriptor with the message that it came with. */
import { ProtocolBreach } from './message/breach.ts';

/** The longest message: what sd-varlink takes. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** SCM_MAX_FD: the kernel sends no more with one message. */
export const maxDescriptors = 253;

export interface Message<D> {
  /** Without its NUL. A view that is good until the next `push`. */
  readonly bytes: Buffer;
  readonly descriptors: D[];
}

/**
 * A message begins where the one before it ended, and its descriptors come with its first byte. So a chunk may bring descriptors only where
 * no message is unfinished, and they belong to the first message of the chunk. (A reader that never takes more from the
 * kernel than one message at a time thereby binds every descriptor right, however the stream was glued together.)
 */
export class Framer<D> {
  readonly #maxBytes: number;
  #partial: Buffer = Buffer.alloc(0);
  #filled = 0;
  #descriptors: D[] = [];

  constructor(maxBytes = maxMessageBytes) {
    this.#maxBytes = maxBytes;
  }

  /** How much of an unfinished message has come. */
  get pendingBytes(): number {
    return this.#filled;
  }

  get pendingDescriptors(): number {
    return this.#descriptors.length;
  }

  /**
   * Takes what one read brought and gives the messages that are complete now.
   * @throws ProtocolBreach; `descriptors` are the caller's still, those of the unfinished message come from `abandon`
   */
  push(chunk: Buffer, descriptors: readonly D[]): Message<D>[] {
    if (descriptors.length > 0 && this.#filled + this.#descriptors.length > 0) {
      throw new ProtocolBreach('stray-descriptors', 'descriptors came inside a message');
    }
    const messages: Message<D>[] = [];
    let mine: D[] = descriptors.length > 0 ? [...descriptors] : this.#descriptors;
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      messages.push({ bytes: this.#complete(chunk.subarray(start, end)), descriptors: mine });
      mine = [];
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
    this.#descriptors = mine;
    return messages;
  }

  /** Ends the stream: the descriptors of an unfinished message, for the caller to close. */
  abandon(): D[] {
    const left = this.#descriptors;
    this.#descriptors = [];
    this.#partial = Buffer.alloc(0);
    this.#filled = 0;
    return left;
  }

  #complete(rest: Buffer): Buffer {
    this.#bound(rest.length);
    if (this.#filled === 0) return rest;
    this.#keep(rest);
    const whole = this.#partial.subarray(0, this.#filled);
    this.#partial = Buffer.alloc(0);
    this.#filled = 0;
    return whole;
  }

  #keep(bytes: Buffer): void {
    this.#bound(bytes.length);
    const needed = this.#filled + bytes.length;
    if (needed > this.#partial.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#maxBytes, Math.max(needed, this.#partial.length * 2, 4096)));
      this.#partial.copy(larger, 0, 0, this.#filled);
      this.#partial = larger;
    }
    bytes.copy(this.#partial, this.#filled);
    this.#filled = needed;
  }

  #bound(more: number): void {
    if (this.#filled + more > this.#maxBytes) throw new ProtocolBreach('too-long', `a message has more than ${this.#maxBytes} bytes`);
  }
}
