/** A reply: `{parameters?, continues?, error?}`. */
import { isObject } from '../method/shape.ts';
import { ProtocolBreach } from './breach.ts';
import { parseJson } from './guard.ts';

export interface Reply {
  /** not yet checked against the interface */
  readonly parameters: Record<string, unknown>;
  /** another reply to the same call follows */
  readonly continues: boolean;
  /** the error's full name, where the call failed */
  readonly error: string | null;
}

/** A reply with its NUL. `null` and `undefined` fields are left out, as clients of every age expect. */
export function encodeReply(parameters: object, continues = false): Buffer {
  return encode(continues ? { parameters, continues } : { parameters });
}

/** An error with its NUL. */
export function encodeError(error: string, parameters: object): Buffer {
  return encode({ error, parameters });
}

function encode(message: object): Buffer {
  return Buffer.from(`${JSON.stringify(message, withoutNull)}\0`, 'utf8');
}

function withoutNull(_key: string, value: unknown): unknown {
  return value === null ? undefined : value;
}

/**
 * Reads a reply, without its NUL. Keys that the protocol does not know are passed over: a newer server may have them.
 * @throws ProtocolBreach
 */
export function decodeReply(bytes: Buffer): Reply {
  const message = parseJson(bytes);
  if (!isObject(message)) throw new ProtocolBreach('not-a-message', 'a reply is an object');
  const { parameters = null, continues = false, error = null } = message;
  if (parameters !== null && !isObject(parameters)) throw new ProtocolBreach('not-a-message', '`parameters` is an object');
  if (typeof continues !== 'boolean') throw new ProtocolBreach('not-a-message', '`continues` is a boolean');
  if (error !== null && typeof error !== 'string') throw new ProtocolBreach('not-a-message', '`error` is a string');
  return { parameters: parameters ?? {}, continues, error };
}
