/** GUIDs as partition tables store them: the first three fields little-endian, the last two as written. */
import { toHex } from './bytes.ts';

/** The order in which a stored GUID's bytes appear in its text. */
const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15] as const;

const pattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The lower-case text of 16 bytes in reading order, such as a piece of a root hash. */
export function uuidText(bytes: Uint8Array): string {
  const hex = toHex(bytes.subarray(0, 16));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

/** The lower-case text of a GUID stored at `offset` of a partition table. */
export function readGuid(bytes: Uint8Array, offset: number): string {
  return uuidText(Uint8Array.from(order, (index) => bytes[offset + index] ?? 0));
}

/** Stores a GUID's text at `offset`. */
export function writeGuid(target: Uint8Array, offset: number, text: string): void {
  if (!pattern.test(text)) throw new RangeError(`not a GUID: ${text}`);
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  order.forEach((index, place) => {
    target[offset + index] = bytes[place] ?? 0;
  });
}

/** Marks 16 random or hashed bytes as a version-4 UUID and gives its text. */
export function uuidFrom(bytes: Uint8Array): string {
  const marked = Uint8Array.from(bytes.subarray(0, 16));
  marked[6] = ((marked[6] ?? 0) & 0x0f) | 0x40;
  marked[8] = ((marked[8] ?? 0) & 0x3f) | 0x80;
  return uuidText(marked);
}

/** "No partition here". */
export const nilGuid = '00000000-0000-0000-0000-000000000000';
