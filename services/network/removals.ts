/**
 * Interfaces whose namespace ended, removed one at a time: the kernel takes 10 to 50 ms for each, and who wants one made meanwhile must
 * not wait for all of a greedy user's to be gone.
 */
import type { Logger } from '../../mesh/log.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { addressOf } from './addresses.ts';
import { labelOf } from './label.ts';
import type { Links } from './links.ts';
import type { Link } from './netlink/link.ts';

type Order = Payload<'interfaces.remove'>;
type Named = Order['interfaces'][number];

export interface RemovalParts {
  readonly links: Pick<Links, 'find' | 'remove'>;
  readonly log: Logger;
  /** hears of each namespace once it was gone through; `complete`: nothing of it is left */
  readonly done: (namespace: string, complete: boolean) => void;
  /** lets whoever waits have their turn first */
  readonly later?: (action: () => void) => void;
}

export class Removals {
  readonly #parts: RemovalParts;
  readonly #orders: { readonly namespace: string; readonly left: Named[]; complete: boolean }[] = [];
  #runs = false;
  #removed = 0;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
  }

  /** How many interfaces were removed since this process started. */
  get removed(): number {
    return this.#removed;
  }

  get waiting(): number {
    return this.#orders.length;
  }

  add({ namespace, interfaces }: Order): void {
    this.#orders.push({ namespace, left: [...interfaces], complete: true });
    if (this.#runs) return;
    this.#runs = true;
    this.#next();
  }

  #next(): void {
    const { later = (action) => void setImmediate(action) } = this.#parts;
    later(() => {
      this.#step();
      this.#runs = this.#orders.length > 0;
      if (this.#runs) this.#next();
    });
  }

  #step(): void {
    const order = this.#orders[0];
    if (order === undefined) return;
    const named = order.left.shift();
    if (named !== undefined && !this.#remove(order.namespace, named)) order.complete = false;
    if (order.left.length > 0) return;
    this.#orders.shift();
    this.#parts.done(order.namespace, order.complete);
  }

  /** False where it may still be there. What has the name but is not ours is let alone. */
  #remove(namespace: string, named: Named): boolean {
    const { links, log } = this.#parts;
    try {
      // Somebody may have given it another name; the longer one stays with it.
      for (const name of [named.name, named.alternative]) {
        const found = links.find(name);
        if (found === null || !isOurs(found, namespace, named)) continue;
        links.remove(found.index);
        this.#removed += 1;
        log.debug({ namespace, name: found.name }, 'an interface was removed');
      }
      return true;
    } catch (thrown) {
      log.error({ namespace, name: named.name, err: thrown }, 'an interface could not be removed');
      return false;
    }
  }
}

/** By its label; or by its address, where whoever made it died before it had one. */
function isOurs({ alias, address }: Link, namespace: string, { name }: Named): boolean {
  return alias === labelOf(namespace) || (alias === null && Buffer.compare(address, addressOf(name, 'host')) === 0);
}
