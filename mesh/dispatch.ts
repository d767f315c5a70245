/**
 * What every message goes through, in this order: a name we know; a sender that may send it, to us; a size; a shape; the number
 * of descriptors; the kind of each. Only then does a handler see it.
 */
import * as v from 'valibot';
import { native } from '../native/index.ts';
import { isOfKind } from './descriptor-kinds.ts';
import type { Descriptor } from './descriptors.ts';
import { FrameError, frameName, framePayload } from './frame.ts';
import type { Handler } from './mesh.ts';
import { type DescriptorKind, isMessageName, type MessageName, maxFrameBytes, messages, type Node, type Payload } from './protocol.ts';

/** Why a message was not handled. */
export type Fault =
  | 'not a frame'
  | 'unknown name'
  | 'not its sender'
  | 'not its receiver'
  | 'cut off'
  | 'too large'
  | 'wrong shape'
  | 'wrong number of descriptors'
  | 'wrong kind of descriptor';

/** A message that no sound sibling sends. Its sender is compromised, or one of us has a bug. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';

  constructor(
    readonly fault: Fault,
    /** the message's name, as far as one could be read */
    readonly about: string,
  ) {
    super(`${about}: ${fault}`);
  }
}

/** The message list once more, typed so that a name and its payload stay together. */
const announcements: { readonly [N in MessageName]: { descriptors(payload: Payload<N>): readonly DescriptorKind[] } } = messages;

/** Handlers by the names of their messages. */
export type HandlerTable = { readonly [N in MessageName]?: Handler<N> };

/** A message that passed every check, with its handler still to be called. */
export interface Accepted {
  readonly name: MessageName;
  /** the request that it is about, where there is one */
  readonly request: number | undefined;
  /** Runs the handler. Throws where the table has none: a bug of ours. */
  act(table: HandlerTable): void | Promise<void>;
}

/**
 * Checks one message. The descriptors become the handler's with `act`, and stay the caller's where this throws.
 * @throws BadMessage
 */
export function check(self: Node, from: Node, frame: Uint8Array, descriptors: Descriptor[]): Accepted {
  const name = nameOf(frame);
  if (!isMessageName(name)) throw new BadMessage('unknown name', printable(name));
  return checkAs(name, self, from, frame, descriptors);
}

function checkAs<N extends MessageName>(name: N, self: Node, from: Node, frame: Uint8Array, descriptors: Descriptor[]): Accepted {
  const { from: senders, to: receivers }: { readonly from: readonly Node[]; readonly to: readonly Node[] } = messages[name];
  if (!senders.includes(from)) throw new BadMessage('not its sender', name);
  if (!receivers.includes(self)) throw new BadMessage('not its receiver', name);
  if (frame.length > maxFrameBytes) throw new BadMessage('too large', name);
  const payload = payloadOf(name, frame);
  checkDescriptors(name, payload, descriptors);
  return {
    name,
    request: requestOf(payload),
    act(table) {
      const handler = table[name];
      if (handler === undefined) throw new Error(`nothing handles ${name}`);
      return handler(payload, descriptors, from);
    },
  };
}

function nameOf(frame: Uint8Array): string {
  try {
    return frameName(frame);
  } catch {
    throw new BadMessage('not a frame', '?');
  }
}

function payloadOf<N extends MessageName>(name: N, frame: Uint8Array): Payload<N> {
  try {
    return checkShape(name, framePayload(frame));
  } catch (error) {
    if (error instanceof FrameError) throw new BadMessage('not a frame', name);
    throw error;
  }
}

/**
 * The payload, of the message's shape. A sender runs it too, so that a mistake is found where it is made.
 * @throws BadMessage
 */
export function checkShape<N extends MessageName>(name: N, payload: unknown): Payload<N> {
  const shape: (typeof messages)[N]['shape'] = messages[name].shape;
  let result: v.SafeParseResult<typeof shape>;
  try {
    result = v.safeParse(shape, payload, { abortEarly: true });
  } catch {
    // Nested deeper than the stack is.
    throw new BadMessage('wrong shape', name);
  }
  if (!result.success) throw new BadMessage('wrong shape', name);
  return result.output;
}

/** @throws BadMessage where there are not exactly the descriptors that the payload announces */
export function checkDescriptors<N extends MessageName>(name: N, payload: Payload<N>, descriptors: readonly Descriptor[]): void {
  const wanted = announcements[name].descriptors(payload);
  if (descriptors.length !== wanted.length) throw new BadMessage('wrong number of descriptors', name);
  wanted.forEach((kind, i) => {
    const descriptor = descriptors[i];
    if (descriptor === undefined || !isOfKind(kind, native.describe(descriptor.fd))) throw new BadMessage('wrong kind of descriptor', name);
  });
}

/** A stranger's name, fit for a log. */
function printable(name: string): string {
  return name.replace(/[^a-z.-]/gi, '?');
}

function requestOf(payload: unknown): number | undefined {
  if (typeof payload !== 'object' || payload === null || !('request' in payload)) return undefined;
  return typeof payload.request === 'number' ? payload.request : undefined;
}
