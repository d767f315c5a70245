/** Values as D-Bus puts them on the wire (D-Bus Specification 0.43, "Marshaling"): little-endian, each at a multiple of its own size. Pure. */

export class Writer {
  #bytes = Buffer.alloc(256);
  #length = 0;

  /** What was written so far. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  align(size: number): void {
    const padding = -this.#length & (size - 1);
    this.#room(padding).fill(0);
  }

  byte(value: number): void {
    this.#room(1).writeUInt8(value);
  }

  uint32(value: number): void {
    this.align(4);
    this.#room(4).writeUInt32LE(value);
  }

  /** an int32, with the range of one */
  int32(value: number): void {
    this.align(4);
    this.#room(4).writeInt32LE(value);
  }

  uint64(value: bigint): void {
    this.align(8);
    this.#room(8).writeBigUInt64LE(value);
  }

  /** A bus ends the connection of whoever sends it a NUL or what is not UTF-8, so neither can be written here. */
  string(value: string): void {
    const text = Buffer.from(value.replaceAll('\0', '\uFFFD'));
    this.uint32(text.length);
    text.copy(this.#room(text.length));
    this.byte(0);
  }

  /** one or more complete types, in at most 255 characters */
  signature(value: string): void {
    this.byte(value.length);
    this.#room(value.length).write(value, 'latin1');
    this.byte(0);
  }

  /**
   * @param align what the elements begin at a multiple of
   * @param elements writes them all
   */
  array(align: 1 | 2 | 4 | 8, elements: () => void): void {
    this.uint32(0);
    const place = this.#length - 4;
    this.align(align);
    const start = this.#length;
    elements();
    this.#bytes.writeUInt32LE(this.#length - start, place);
  }

  /** a{ss} */
  strings(entries: Readonly<Record<string, string>>): void {
    this.array(8, () => {
      for (const [key, value] of Object.entries(entries)) {
        this.align(8);
        this.string(key);
        this.string(value);
      }
    });
  }

  /** the next bytes, to be filled in */
  #room(length: number): Buffer {
    const start = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.alloc(this.#length * 2);
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    return this.#bytes.subarray(start, this.#length);
  }
}
