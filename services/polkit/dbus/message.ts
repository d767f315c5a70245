/** D-Bus messages: the calls that we make, and what comes back. Pure. */
import { Breach, Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** The least of a message: its fixed header with the length of the header's fields. */
export const fixedBytes = 16;
/** A list of all the names that a bus could start has some kilobytes. The specification lets a message have 128 MiB, which nobody sends us. */
export const maxMessageBytes = 1 << 20;

const little = 0x6c;
const big = 0x42;
const version = 1;
const kinds = ['invalid', 'call', 'reply', 'error', 'signal'] as const;
/** Header fields by their codes, with their types. */
const fieldNames = {
  1: ['path', 'o'],
  2: ['interface', 's'],
  3: ['member', 's'],
  4: ['errorName', 's'],
  5: ['replySerial', 'u'],
  6: ['destination', 's'],
  7: ['sender', 's'],
  8: ['signature', 'g'],
} as const;

/** A method of an object behind a name. */
export interface Method {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

export interface Call extends Method {
  /** of the body */
  readonly signature: string;
  readonly body: (writer: Writer) => void;
  /** nobody waits for what comes of it */
  readonly noReply?: boolean;
}

/** @param serial this connection's own number for the call, from 1 */
export function encodeCall(call: Call, serial: number): Buffer {
  const body = new Writer();
  call.body(body);
  const writer = new Writer();
  writer.byte(little);
  writer.byte(kinds.indexOf('call'));
  writer.byte(call.noReply === true ? 1 : 0);
  writer.byte(version);
  writer.uint32(body.bytes.length);
  writer.uint32(serial);
  const field = (code: 1 | 2 | 3 | 6 | 8, value: string) => {
    const [, type] = fieldNames[code];
    writer.align(8);
    writer.byte(code);
    writer.signature(type);
    if (type === 'g') writer.signature(value);
    else writer.string(value);
  };
  writer.array(8, () => {
    field(1, call.path);
    field(2, call.interface);
    field(3, call.member);
    field(6, call.destination);
    if (call.signature !== '') field(8, call.signature);
  });
  writer.align(8);
  return Buffer.concat([writer.bytes, body.bytes]);
}

/** What came in. Text that a kind of message does not have is empty. */
export interface Incoming {
  readonly kind: (typeof kinds)[number];
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly errorName: string;
  readonly sender: string;
  /** the call that it answers; 0 for none */
  readonly replySerial: number;
  readonly signature: string;
  readonly body: Reader;
}

/**
 * How long a message is, by its first `fixedBytes`.
 * @throws Breach
 */
export function messageBytes(fixed: Buffer): number {
  const isLittle = orderOf(fixed);
  if (fixed[3] !== version) throw new Breach('another version of the protocol');
  const [body, fields] = [4, 12].map((at) => (isLittle ? fixed.readUInt32LE(at) : fixed.readUInt32BE(at)));
  const length = fixedBytes + Math.ceil((fields ?? 0) / 8) * 8 + (body ?? 0);
  if (length > maxMessageBytes) throw new Breach('a message that is too long');
  return length;
}

/**
 * @param bytes exactly one message
 * @throws Breach
 */
export function decodeMessage(bytes: Buffer): Incoming {
  const isLittle = orderOf(bytes);
  const header = new Reader(bytes, isLittle);
  header.byte();
  const kind = kinds[header.byte()] ?? 'invalid';
  header.byte();
  header.byte();
  const bodyBytes = header.uint32();
  header.uint32();
  const fields = readFields(header);
  header.align(8);
  if (bytes.length - header.position !== bodyBytes) throw new Breach('a body of another length');
  return { kind, ...fields, body: new Reader(bytes.subarray(header.position), isLittle) };
}

function readFields(header: Reader): Omit<Incoming, 'kind' | 'body'> {
  const texts = { path: '', interface: '', member: '', errorName: '', destination: '', sender: '', signature: '' };
  let replySerial = 0;
  header.array(8, () => {
    header.align(8);
    const code = header.byte();
    const type = header.signature();
    // What later versions may add is passed over.
    if (!isKnownField(code)) return header.skip(type);
    const [name, expected] = fieldNames[code];
    if (type !== expected) throw new Breach('a header field of another type');
    if (name === 'replySerial') replySerial = header.uint32();
    else texts[name] = expected === 'g' ? header.signature() : header.string();
  });
  const { destination: _ours, ...known } = texts;
  return { ...known, replySerial };
}

function isKnownField(code: number): code is keyof typeof fieldNames {
  return Object.hasOwn(fieldNames, code);
}

function orderOf(bytes: Buffer): boolean {
  const [order] = bytes;
  if (order !== little && order !== big) throw new Breach('no byte order');
  return order === little;
}
