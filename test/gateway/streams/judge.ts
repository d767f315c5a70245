/** Whether what was heard is what the protocol, the declarations and the stream itself allow. */
import { errorShape, isErrorName, isMethodName, replyShape } from '../../../varlink/method/registry.ts';
import type { Shape } from '../../../varlink/method/shape.ts';
import type { ExpectedReply } from './oracle.ts';
import type { Plan } from './plan.ts';
import type { Heard, HeardMessage } from './talker.ts';

/** Whether siblings do what a sound call asks for, or may refuse it for reasons of their own. */
export type Siblings = 'willing' | 'real';

/** How often what was seen; a corpus that misses something is none. */
export type Tally = Map<string, number>;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const shapes = new Map<string, Shape<unknown>>();
const notFound = 'org.varlink.service.MethodNotFound';
const upgradeRefused = 'io.postern.Gateway.UpgradeNotSupported';

interface Reply {
  readonly parameters: Record<string, unknown>;
  readonly continues: boolean;
  readonly error: string | null;
  readonly descriptors: number;
}

/** Throws an Error that says what is wrong. */
export function judge({ ending, expected }: Plan, heard: Heard, siblings: Siblings, tally: Tally): void {
  if (heard.end === 'patience') throw new Error(`the connection did not end, after ${heard.messages.length} replies`);
  if (heard.end === 'theirs' && heard.rest > 0) throw new Error(`${heard.rest} bytes of a reply without its end`);
  const waiting = [...expected.replies];
  for (const message of heard.messages) {
    const reply = read(message);
    const asked = reply.continues ? waiting[0] : waiting.shift();
    if (asked === undefined) throw new Error(`more replies than calls: ${brief(message)}`);
    if (reply.continues && (!asked.more || reply.error !== null)) throw new Error(`a reply that continues: ${brief(message)}`);
    try {
      compare(asked, reply, siblings);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}; asked ${asked.method}, got ${brief(message)}`);
    }
    if (isTooLong(asked)) count(tally, 'too long');
    count(tally, reply.error ?? (reply.continues ? 'continues' : `reply to ${asked.method}`));
  }
  const answered = expected.replies.length - waiting.length;
  const waits = ending !== 'leave' && ending !== 'abort';
  if (waits && answered < expected.certain) throw new Error(`${answered} replies, where ${expected.certain} calls wait for one`);
  if (waits && expected.ends && heard.end !== 'theirs') throw new Error('the gateway did not end the connection');
  count(tally, ending);
  if (expected.ends) count(tally, 'ended by the gateway');
}

function isTooLong({ outcome }: ExpectedReply): boolean {
  return outcome !== null && 'reason' in outcome && outcome.reason === 'LIMIT_REACHED';
}

function count(tally: Tally, what: string): void {
  tally.set(what, (tally.get(what) ?? 0) + 1);
}

/** Stricter than a client would be. */
function read({ bytes, descriptors }: HeardMessage): Reply {
  let message: unknown;
  try {
    message = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new Error(`a reply that is no JSON: ${brief({ bytes })}`);
  }
  if (!isObject(message)) throw new Error(`a reply that is no object: ${brief({ bytes })}`);
  const { parameters = {}, continues = false, error = null, ...surplus } = message;
  const isReply = isObject(parameters) && typeof continues === 'boolean' && (error === null || typeof error === 'string');
  if (!isReply || Object.keys(surplus).length > 0) throw new Error(`a reply with other fields than its own: ${brief({ bytes })}`);
  return { parameters, continues, error, descriptors };
}

function compare(asked: ExpectedReply, { parameters, error, descriptors }: Reply, siblings: Siblings): void {
  const { method, outcome } = asked;
  if (error === null) {
    if (method === null || !isMethodName(method)) throw new Error('success where there is nothing to succeed in');
    if (asked.upgrade) throw new Error('a connection that was turned over');
    conform(
      shapeOf(method, () => replyShape(method, 'refuse')),
      parameters,
    );
    indices(parameters, descriptors);
  } else {
    if (!isErrorName(error)) throw new Error('an error that nobody declares');
    conform(
      shapeOf(error, () => errorShape(error, 'refuse')),
      parameters,
    );
    if (descriptors > 0) throw new Error('an error with descriptors');
    if (error === 'io.postern.Gateway.Internal') throw new Error('a bug');
    const { method: named } = parameters;
    if (error.startsWith('org.varlink.service.MethodNot') && named !== method) throw new Error('the answer to another call');
  }
  if (method !== null && (error === notFound) === isMethodName(method)) throw new Error('known and unknown mixed up');
  if (method !== null && asked.upgrade && error !== notFound && error !== upgradeRefused)
    throw new Error('an upgrade that was not refused');
  if (method === 'org.varlink.service.GetInterfaceDescription') described(asked.parameters, parameters);
  if (outcome === null) return;
  // a machine that is slow may not get to the limit in time
  const tooSlow = isTooLong(asked) && parameters.reason === 'TIMED_OUT';
  if ('reason' in outcome && parameters.reason !== outcome.reason && !tooSlow) throw new Error(`not ${outcome.reason}`);
  if ('error' in outcome && error !== outcome.error) throw new Error(`not ${outcome.error}`);
  if ('name' in outcome && error === null && parameters.name !== outcome.name) throw new Error('the answer to another call');
  if ('name' in outcome && error !== null && siblings === 'willing') throw new Error('refused with all that it needs');
}

function shapeOf(name: string, make: () => Shape<unknown>): Shape<unknown> {
  const known = shapes.get(name) ?? make();
  shapes.set(name, known);
  return known;
}

function conform(shape: Shape<unknown>, parameters: Record<string, unknown>): void {
  const fault = shape.fault(structuredClone(parameters));
  if (fault !== null) throw new Error(`parameters that are not as declared (${fault})`);
}

/** Every index points to a descriptor that came along, and none came for nothing. */
function indices(parameters: unknown, descriptors: number): void {
  const found = new Set<unknown>();
  const look = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (key.endsWith('FileDescriptor')) found.add(inner);
      else look(inner);
    }
  };
  look(parameters);
  for (let index = 0; index < descriptors; index += 1) if (!found.delete(index)) throw new Error('a descriptor that no field names');
  if (found.size > 0) throw new Error('an index without a descriptor');
}

function described(asked: unknown, told: Record<string, unknown>): void {
  const name = isObject(asked) ? asked.interface : undefined;
  if (typeof told.description === 'string' && !told.description.includes(`interface ${name}\n`)) throw new Error('another interface');
  if (typeof told.interface === 'string' && told.interface !== name) throw new Error('another interface');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function brief({ bytes }: Pick<HeardMessage, 'bytes'>): string {
  return bytes.toString('latin1').slice(0, 300);
}
