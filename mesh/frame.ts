/**
 * One message as bytes: the msgpack array `[name, payload]`. The name can be read without decoding the rest, so that what its
 * sender may not send is refused before any of its payload is looked at.
 */
import { Packr } from 'msgpackr';
import { maxFrameBytes } from './protocol.ts';

/** Bytes that are no message of ours. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** No records: they depend on what was sent before, and a restarted peer has not seen it. */
const codec = new Packr({ useRecords: false, encodeUndefinedAsNil: true });

/** msgpack's heads of an array of two, and of a string of up to 31 bytes */
const pair = 0x92;
const shortString = 0xa0;
const longestName = 31;

/**
 * Bytes of a message, the caller's own copy (msgpackr's own result is a view that its next call overwrites; a secret would stay in it).
 * @throws FrameError where it is larger than a receiver takes
 */
export function encodeFrame(name: string, payload: unknown): Uint8Array {
  const packed = codec.pack([name, payload]);
  const frame = Uint8Array.from(packed);
  packed.fill(0);
  if (frame.length > maxFrameBytes) throw new FrameError(`${name} has ${frame.length} bytes, more than ${maxFrameBytes}`);
  return frame;
}

/** The name that a frame claims, without decoding its payload. */
export function frameName(frame: Uint8Array): string {
  const length = (frame[1] ?? 0) - shortString;
  if (frame[0] !== pair || length < 1 || length > longestName || frame.length < 2 + length)
    throw new FrameError('no name where one belongs');
  return Buffer.from(frame.buffer, frame.byteOffset + 2, length).toString('latin1');
}

/**
 * The payload, not yet checked. Byte strings in it are views of the frame.
 * @throws FrameError for what is not msgpack, claims more than it holds, or is nested too deep
 */
export function framePayload(frame: Uint8Array): unknown {
  let decoded: unknown;
  try {
    decoded = codec.unpack(frame);
  } catch {
    throw new FrameError('not msgpack');
  }
  if (!Array.isArray(decoded) || decoded.length !== 2) throw new FrameError('not a pair');
  return decoded[1];
}
