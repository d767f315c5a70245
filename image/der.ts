/** Just enough DER (ITU-T X.690) to find names in signatures and certificates. Never believes a length. */
import { equalBytes } from './bytes.ts';

export interface Element {
  /** the identifier octet; multi-octet tags are not used by what is read here */
  readonly tag: number;
  readonly content: Uint8Array;
  /** identifier, length and content */
  readonly whole: Uint8Array;
}

export const tags = { integer: 0x02, octetString: 0x04, objectIdentifier: 0x06, sequence: 0x30, set: 0x31, context0: 0xa0 } as const;

/** The element at the start of `bytes`, or undefined where there is none that is sound and of definite length. */
export function readElement(bytes: Uint8Array): Element | undefined {
  const tag = bytes[0];
  const first = bytes[1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) return undefined;
  let length = first;
  let header = 2;
  if (first >= 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 3 || bytes.length < 2 + octets) return undefined;
    length = bytes.subarray(2, 2 + octets).reduce((sum, octet) => sum * 256 + octet, 0);
    header = 2 + octets;
  }
  if (header + length > bytes.length) return undefined;
  return { tag, content: bytes.subarray(header, header + length), whole: bytes.subarray(0, header + length) };
}

/** The elements one after the other in `bytes`, or undefined when they don't end exactly with it. At most `limit`. */
export function readElements(bytes: Uint8Array, limit = 64): Element[] | undefined {
  const elements: Element[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const element = readElement(rest);
    if (element === undefined || elements.length === limit) return undefined;
    elements.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return elements;
}

/** The elements inside the first one, which must be of that tag. */
export function readInside(bytes: Uint8Array, tag: number): Element[] | undefined {
  const element = readElement(bytes);
  return element?.tag === tag ? readElements(element.content) : undefined;
}

export function isObject(element: Element | undefined, encoded: readonly number[]): boolean {
  return element?.tag === tags.objectIdentifier && equalBytes(element.content, Uint8Array.from(encoded));
}
