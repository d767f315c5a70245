/** A call: `{method, parameters?, oneway?, more?, upgrade?}`. */
import { isObject, unsound } from '../method/shape.ts';
import { ProtocolBreach } from './breach.ts';
import { parseJson } from './guard.ts';

/** What kind of answer the caller expects: one, none, any number, or another protocol. At most one wish per call. */
export type Wish = 'one' | 'oneway' | 'more' | 'upgrade';

export interface Call {
  /** interface and member, such as `org.varlink.service.GetInfo` */
  readonly method: string;
  /** not yet checked against the interface; the caller of `decodeCall` owns it and may change it */
  readonly parameters: Record<string, unknown>;
  readonly wish: Wish;
}

/**
 * Reads a call, without its NUL. As strict as sd-varlink: an unknown key at the top, or two of oneway, more and upgrade, ends the connection.
 * @throws ProtocolBreach
 */
export function decodeCall(bytes: Buffer): Call {
  const message = parseJson(bytes);
  if (!isObject(message)) throw new ProtocolBreach('not-a-message', 'a call is an object');
  let method: string | undefined;
  let parameters: Record<string, unknown> = {};
  let wish: Wish = 'one';
  for (const key in message) {
    const value = message[key];
    switch (key) {
      case 'method':
        if (typeof value !== 'string') throw new ProtocolBreach('not-a-message', '`method` is a string');
        method = value;
        break;
      case 'parameters':
        if (isObject(value)) parameters = value;
        else if (value !== null) throw new ProtocolBreach('not-a-message', '`parameters` is an object');
        break;
      case 'oneway':
      case 'more':
      case 'upgrade':
        if (typeof value !== 'boolean') throw new ProtocolBreach('not-a-message', `\`${key}\` is a boolean`);
        if (wish !== 'one') throw new ProtocolBreach('not-a-message', `\`${wish}\` and \`${key}\` exclude each other`);
        if (value) wish = key;
        break;
      default:
        throw new ProtocolBreach('not-a-message', 'a call has a key that the protocol does not know');
    }
  }
  if (method === undefined) throw new ProtocolBreach('not-a-message', 'a call names a method');
  // It would come back in the error.
  if (unsound.test(method)) throw new ProtocolBreach('not-a-message', '`method` is no text that can be passed on');
  return { method, parameters, wish };
}

/** A call with its NUL. */
export function encodeCall(method: string, parameters: object, wish: Wish = 'one'): Buffer {
  const message = wish === 'one' ? { method, parameters } : { method, parameters, [wish]: true };
  return Buffer.from(`${JSON.stringify(message)}\0`, 'utf8');
}
