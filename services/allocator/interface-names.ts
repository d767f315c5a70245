/**
 * What the host's end of a namespace's interface is called: the same each time that a namespace of the same owner and name asks for the
 * same. Fifteen characters have no room for what people want to read, so there is a second, longer name that says it. Pure.
 */
import { createHash } from 'node:crypto';
import type { NetworkInterface } from '../../mesh/protocol.ts';
import type { Holding } from './events.ts';

/** As many as fit behind `ns-`, by which systemd-networkd knows such interfaces. */
const hashDigits = 12;

export interface InterfaceWanted {
  readonly kind: 'veth' | 'tap';
  /** what the other end is to be called; null where that was left open, or there is none */
  readonly inner: string | null;
}

export function interfaceNames({ owner, name }: Pick<Holding, 'owner' | 'name'>, { kind, inner }: InterfaceWanted): NetworkInterface {
  // None of the parts can have a slash in it.
  const hash = createHash('sha256')
    .update(`${kind}/${owner}/${name}/${inner ?? ''}`)
    .digest('hex')
    .slice(0, hashDigits);
  return { name: `ns-${hash}`, alternative: `ns-${owner}-${name}${inner === null ? '' : `-${inner}`}` };
}
