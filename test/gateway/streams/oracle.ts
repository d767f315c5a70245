/** What a stream must be answered with, found without the gateway's own reader: which calls are in it, and where it breaks the protocol. */
import { maxMessageBytes } from '../../../varlink/framing.ts';
import { maxDepth, maxValues } from '../../../varlink/message/guard.ts';
import type { Kind, Outcome } from './texts.ts';

export interface ExpectedReply {
  /** null: not the answer to a call, but why the connection ends */
  readonly method: string | null;
  readonly parameters: unknown;
  readonly more: boolean;
  readonly upgrade: boolean;
  /** where it is known beforehand */
  readonly outcome: Outcome | { readonly reason: string } | null;
}

export interface Expected {
  /** in their order, for calls that want one */
  readonly replies: readonly ExpectedReply[];
  /** how many of them must come to a client that waits */
  readonly certain: number;
  /** the gateway ends the connection by itself */
  readonly ends: boolean;
}

const keys = ['method', 'parameters', 'oneway', 'more', 'upgrade'];
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param descriptors by the offset of the byte that they come with
 * @param outcomes by the offset where the message begins
 * @param stalls whether the client waits for ever inside what may be an unfinished message at the end
 */
export function expect(
  stream: Buffer,
  descriptors: ReadonlyMap<number, readonly Kind[]>,
  outcomes: ReadonlyMap<number, { readonly length: number; readonly outcome: Outcome }>,
  stalls: boolean,
): Expected {
  const replies: ExpectedReply[] = [];
  /** From where on it depends on when the parts arrive: descriptors inside a message are a breach, or those of the message. */
  let certain: number | null = null;
  let start = 0;
  const strays = [...descriptors.keys()].sort((a, b) => a - b);
  const done = (ends: boolean): Expected => ({ replies, certain: certain ?? replies.length, ends: ends && certain === null });
  while (start < stream.length) {
    const mark = stream.indexOf(0, start);
    const end = mark < 0 ? stream.length : mark;
    const strayed = strays.some((offset) => offset > start && offset <= end);
    if (strayed) certain ??= replies.length;
    if (end - start > maxMessageBytes) {
      replies.push({ method: null, parameters: {}, more: false, upgrade: false, outcome: { reason: 'LIMIT_REACHED' } });
      return done(true);
    }
    if (mark < 0) break;
    const message = read(stream.subarray(start, end));
    if (message === 'breach') return done(true);
    const known = outcomes.get(start);
    const outcome = !strayed && known !== undefined && known.length === end + 1 - start ? known.outcome : null;
    if (!message.oneway) replies.push({ ...message, outcome });
    if (message.disputed) certain ??= Math.max(0, replies.length - 1);
    start = end + 1;
  }
  if (stalls && start < stream.length) {
    replies.push({ method: null, parameters: {}, more: false, upgrade: false, outcome: { reason: 'TIMED_OUT' } });
    return done(true);
  }
  return done(false);
}

interface Read extends Omit<ExpectedReply, 'outcome'> {
  readonly method: string;
  readonly oneway: boolean;
  /** one wish is true and another is written down as false: sd-varlink itself looks at their order */
  readonly disputed: boolean;
}

/** @returns the call, or that there is none */
function read(bytes: Buffer): Read | 'breach' {
  const message = json(bytes);
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return 'breach';
  const entries: [string, unknown][] = Object.entries(message);
  if (entries.some(([key]) => !keys.includes(key))) return 'breach';
  const { method, parameters = {}, ...flags }: Record<string, unknown> = Object.fromEntries(entries);
  if (typeof method !== 'string' || /\0|\p{Cs}/u.test(method) || typeof (parameters ?? {}) !== 'object' || Array.isArray(parameters))
    return 'breach';
  const wishes = Object.values(flags);
  const raised = wishes.filter((flag) => flag === true).length;
  if (wishes.some((flag) => typeof flag !== 'boolean') || raised > 1) return 'breach';
  return {
    method,
    parameters,
    oneway: flags.oneway === true,
    more: flags.more === true,
    upgrade: flags.upgrade === true,
    disputed: raised === 1 && wishes.length > 1,
  };
}

function json(bytes: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    // a container with so many values may have some of the same name
    return bytes.length > maxDepth && !isModest(value, bytes) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Whether it nests as deep and has as many values as it may. Level by level, since it may be too deep for a stack. */
function isModest(value: unknown, bytes: Buffer): boolean {
  if (
    bytes
      .toString('latin1')
      .replace(/"(?:[^"\\]|\\.)*"/g, '')
      .replace(/[^,[{]/g, '').length > maxValues
  )
    return false;
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const containers = level.filter((item) => typeof item === 'object' && item !== null);
    if (containers.length > 0 && depth >= maxDepth) return false;
    level = containers.flatMap((item) => Object.values(item ?? {}));
  }
  return true;
}
