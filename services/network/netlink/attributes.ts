/** Attributes of netlink messages (linux/netlink.h): length, type and value, padded to four bytes, one list within another. Pure. */

/** What can't be read as what it should be. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** Text ends in NUL, a number has 32 bits, a list is nested. */
export type AttributeValue = Uint8Array | string | number | readonly Attribute[];
export type Attribute = readonly [type: number, value: AttributeValue];

/** Netlink never leaves the machine, so its numbers are as the machine has them. */
export const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const headerBytes = 4;
/** linux/netlink.h: NLA_F_NESTED, which newer requests insist on, and what hides the flags */
const nested = 0x8000;
const typeMask = 0x3fff;
/** The length of an attribute has 16 bits. */
const maxBytes = 0xffff;

/** The next multiple of four. */
export function aligned(bytes: number): number {
  return (bytes + 3) & ~3;
}

/** Behind each other, each but the last padded. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => aligned(bytes) + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at = aligned(at + part.length);
  }
  return whole;
}

/** The bytes of a list of attributes. @throws RangeError for a value that is too long */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  return joined(
    attributes.map(([type, value]) =>
      encodeAttribute(typeof value === 'object' && !(value instanceof Uint8Array) ? type | nested : type, value),
    ),
  );
}

function encodeAttribute(type: number, value: AttributeValue): Uint8Array {
  const body = bytesOf(value);
  const length = headerBytes + body.length;
  if (length > maxBytes) throw new RangeError('an attribute is too long');
  const header = new DataView(new ArrayBuffer(headerBytes));
  header.setUint16(0, length, littleEndian);
  header.setUint16(2, type, littleEndian);
  return joined([new Uint8Array(header.buffer), body]);
}

function bytesOf(value: AttributeValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new TextEncoder().encode(`${value}\0`);
  if (typeof value !== 'number') return encodeAttributes(value);
  const number = new DataView(new ArrayBuffer(4));
  number.setUint32(0, value, littleEndian);
  return new Uint8Array(number.buffer);
}

/** The attributes by their type; of several of one type the last, as the kernel has it. @throws MalformedMessage */
export function decodeAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = viewOf(bytes);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = view.getUint16(at, littleEndian);
    if (length < headerBytes || at + length > bytes.length) throw new MalformedMessage('an attribute is longer than its list');
    found.set(view.getUint16(at + 2, littleEndian) & typeMask, bytes.subarray(at + headerBytes, at + length));
    at += aligned(length);
  }
  return found;
}

export function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Up to the first NUL; null where there is no attribute. Bytes that are no UTF-8 are replaced. */
export function textOf(value: Uint8Array | undefined): string | null {
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return new TextDecoder().decode(end < 0 ? value : value.subarray(0, end));
}

/** A signed number of 32 bits; null where there is no attribute. @throws MalformedMessage */
export function numberOf(value: Uint8Array | undefined): number | null {
  if (value === undefined) return null;
  if (value.length < 4) throw new MalformedMessage('a number is too short');
  return viewOf(value).getInt32(0, littleEndian);
}
