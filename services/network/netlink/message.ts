/** Netlink messages (linux/netlink.h): a header, and what is behind it; and what an answer says. Pure. */
import { aligned, decodeAttributes, joined, littleEndian, MalformedMessage, textOf, viewOf } from './attributes.ts';

const headerBytes = 16;
/** NLMSG_ERROR: a failure, or an acknowledgement where its number is 0 */
const errorType = 2;
/** Of an error: the request's own message was left out behind its header; attributes are behind that */
const capped = 0x100;
const hasAttributes = 0x200;
/** NLMSGERR_ATTR_MSG: the kernel's words */
const wordsAttribute = 1;

/** linux/netlink.h: NLM_F_* of a request */
export const requestFlags = { request: 0x1, acknowledge: 0x4, exclusive: 0x200, create: 0x400 } as const;

export interface Message {
  readonly type: number;
  readonly flags: number;
  /** what ties an answer to its request */
  readonly sequence: number;
  readonly body: Uint8Array;
}

/** What the kernel answered. `errno` is positive. */
export type Answer =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly errno: number; readonly words: string | null }
  | { readonly kind: 'told'; readonly type: number; readonly body: Uint8Array };

export function encodeMessage({ type, flags, sequence, body }: Message): Uint8Array {
  const header = new DataView(new ArrayBuffer(headerBytes));
  header.setUint32(0, headerBytes + body.length, littleEndian);
  header.setUint16(4, type, littleEndian);
  header.setUint16(6, flags, littleEndian);
  header.setUint32(8, sequence, littleEndian);
  return joined([new Uint8Array(header.buffer), body]);
}

/** All messages of a packet. @throws MalformedMessage */
export function decodeMessages(packet: Uint8Array): Message[] {
  const view = viewOf(packet);
  const messages: Message[] = [];
  for (let at = 0; at < packet.length; ) {
    if (at + headerBytes > packet.length) throw new MalformedMessage('half a header');
    const length = view.getUint32(at, littleEndian);
    if (length < headerBytes || length > packet.length - at) throw new MalformedMessage('a message is longer than its packet');
    messages.push({
      type: view.getUint16(at + 4, littleEndian),
      flags: view.getUint16(at + 6, littleEndian),
      sequence: view.getUint32(at + 8, littleEndian),
      body: packet.subarray(at + headerBytes, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** What a message says to the request that it answers. @throws MalformedMessage */
export function answerOf({ type, flags, body }: Message): Answer {
  if (type !== errorType) return { kind: 'told', type, body };
  if (body.length < 4) throw new MalformedMessage('an error without a number');
  const errno = -viewOf(body).getInt32(0, littleEndian);
  if (errno === 0) return { kind: 'done' };
  if (errno < 0) throw new MalformedMessage('an error that is none');
  return { kind: 'refused', errno, words: (flags & hasAttributes) === 0 ? null : wordsOf(body, (flags & capped) !== 0) };
}

/** Behind the number is the request's header, and unless that was capped the rest of it. */
function wordsOf(body: Uint8Array, isCapped: boolean): string | null {
  const request = 4;
  if (body.length < request + headerBytes) throw new MalformedMessage('an error without its request');
  const length = isCapped ? headerBytes : viewOf(body).getUint32(request, littleEndian);
  const attributes = request + aligned(length);
  if (length < headerBytes || attributes > body.length) throw new MalformedMessage('a request is longer than its error');
  return textOf(decodeAttributes(body.subarray(attributes)).get(wordsAttribute));
}
