/** Keeps hostile JSON from costing more than its bytes: how deep, and how many values, before anything is built from it. */
import { isAscii, isUtf8 } from 'node:buffer';
import { ProtocolBreach } from './breach.ts';

/** How deep JSON may nest: what sd-json takes. */
export const maxDepth = 2048;

/** A call of ours has a few dozen values. 64 Ki of them parse in about 5 ms, so that a large message can't hold up others. */
export const maxValues = 65536;

const quote = 0x22;
const backslash = 0x5c;
const openBracket = 0x5b;
const openBrace = 0x7b;
const closeBracket = 0x5d;
const closeBrace = 0x7d;
const comma = 0x2c;

/**
 * Parses one message.
 * @throws ProtocolBreach where it is not UTF-8, not JSON, too deep or too full
 */
export function parseJson(bytes: Buffer): unknown {
  const ascii = isAscii(bytes);
  if (!ascii && !isUtf8(bytes)) throw new ProtocolBreach('not-json', 'the message is not UTF-8');
  // Shorter messages can't reach either bound: each level and each value takes a byte at least.
  if (bytes.length > maxDepth) measure(bytes);
  try {
    return JSON.parse(bytes.toString(ascii ? 'latin1' : 'utf8'));
  } catch {
    throw new ProtocolBreach('not-json', 'the message is not JSON');
  }
}

function measure(bytes: Buffer): void {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < bytes.length; i += 1) {
    switch (bytes[i]) {
      case quote:
        i = endOfString(bytes, i);
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        values += 1;
        if (depth > maxDepth) throw new ProtocolBreach('not-json', 'the message nests too deep');
        break;
      case closeBracket:
      case closeBrace:
        depth -= 1;
        break;
      case comma:
        values += 1;
        break;
    }
    if (values > maxValues) throw new ProtocolBreach('not-json', 'the message has too many values');
  }
}

/** The closing quote, or the end of a string that has none (which JSON.parse refuses afterwards). */
function endOfString(bytes: Buffer, start: number): number {
  for (let end = bytes.indexOf(quote, start + 1); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let slashes = 0;
    while (bytes[end - 1 - slashes] === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return bytes.length;
}
