/** Values from the wire. Whoever sent them may be out to harm: what is not exactly as the specification has it ends in a breach. Pure. */

/** What no sound bus sends: the connection is of no use any more, since nobody knows where the next message begins. */
export class Breach extends Error {
  override readonly name = 'Breach';
}

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Reader {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  #at = 0;

  constructor(bytes: Buffer, little: boolean) {
    this.#bytes = bytes;
    this.#little = little;
  }

  /** in bytes, from the start */
  get position(): number {
    return this.#at;
  }

  align(size: number): void {
    const padding = this.#take(-this.#at & (size - 1));
    if (padding.some((byte) => byte !== 0)) throw new Breach('padding that is not zero');
  }

  byte(): number {
    return this.#take(1).readUInt8();
  }

  uint32(): number {
    this.align(4);
    const bytes = this.#take(4);
    return this.#little ? bytes.readUInt32LE() : bytes.readUInt32BE();
  }

  boolean(): boolean {
    const value = this.uint32();
    if (value > 1) throw new Breach('a boolean that is neither');
    return value === 1;
  }

  string(): string {
    return this.#text(this.uint32());
  }

  signature(): string {
    return this.#text(this.byte());
  }

  /** Calls `element` until the array is at its end. */
  array(align: 1 | 2 | 4 | 8, element: () => void): void {
    const length = this.uint32();
    this.align(align);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Breach('an array past the end');
    while (this.#at < end) {
      const before = this.#at;
      element();
      if (this.#at === before) throw new Breach('an array of nothing');
    }
    if (this.#at !== end) throw new Breach('an element past the end of its array');
  }

  strings(): string[] {
    const all: string[] = [];
    this.array(4, () => all.push(this.string()));
    return all;
  }

  /** a{ss}; of two entries with one key the last counts */
  dictionary(): ReadonlyMap<string, string> {
    const all = new Map<string, string>();
    this.array(8, () => {
      this.align(8);
      const key = this.string();
      all.set(key, this.string());
    });
    return all;
  }

  /** Passes over a value of a basic type. Containers are not passed over: nothing that we listen to has one where we do not expect it. */
  skip(type: string): void {
    if (type === 's' || type === 'o') this.string();
    else if (type === 'g') this.signature();
    else {
      const size = sizes[type];
      if (size === undefined) throw new Breach('a type that nobody asked for');
      this.align(size);
      this.#take(size);
    }
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    if (this.byte() !== 0 || bytes.includes(0)) throw new Breach('a string that does not end where it says');
    try {
      return text.decode(bytes);
    } catch {
      throw new Breach('a string that is not UTF-8');
    }
  }

  #take(length: number): Buffer {
    const start = this.#at;
    if (length > this.#bytes.length - start) throw new Breach('a value past the end');
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}

const sizes: Readonly<Record<string, number>> = { y: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, x: 8, t: 8, d: 8 };
