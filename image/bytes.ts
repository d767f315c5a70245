/** Small questions about bytes that several parsers ask. */

/** A DataView on exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit little-endian number; what doesn't fit a number exactly becomes Infinity, which is outside of every bound. */
export function getUint64(view: DataView, offset: number, littleEndian = true): number {
  const value = view.getBigUint64(offset, littleEndian);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY;
}

const zeros = new Uint8Array(64 * 1024);

/** By comparing, piece by piece: megabytes from strangers are looked at without holding up anybody else. */
export function allZero(bytes: Uint8Array): boolean {
  for (let offset = 0; offset < bytes.length; offset += zeros.length) {
    const piece = bytes.subarray(offset, offset + zeros.length);
    if (!equalBytes(piece, zeros.subarray(0, piece.length))) return false;
  }
  return true;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** The bytes of a hexadecimal text of either case, or undefined for anything else. */
export function fromHex(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? new Uint8Array(Buffer.from(text, 'hex')) : undefined;
}

/** The bytes of a strict base64 text (padded, no white space), or undefined for anything else. */
export function fromBase64(text: string): Uint8Array | undefined {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? new Uint8Array(Buffer.from(text, 'base64')) : undefined;
}

export function isPowerOfTwo(value: number): boolean {
  return Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

/** The smallest multiple of `step` that is not below `value`. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** A field of text that a NUL ends, or its own end. */
export function textUntilNul(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('latin1');
}

/** Text that a stranger wrote, fit for a message: printable ASCII, cut at `max` characters. */
export function printable(text: string, max = 120): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean;
}
