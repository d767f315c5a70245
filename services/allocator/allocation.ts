/** Carries allocations through their machine: does what each state is there for, and says back what came of it. */
import { type Actor, createActor } from 'xstate';
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { asPosternError, type ErrorCode, PosternError } from '../../mesh/errors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { isSystemError, type NamespaceMaps } from '../../native/index.ts';
import type { Holding } from './events.ts';
import { type AllocationEvent, allocationMachine, type Unexpected } from './machine.ts';
import { hasRange, type Namespaces } from './namespaces.ts';
import type { Registry } from './registry.ts';

/** After a request's deadline the gateway has long answered; if the lsm service is silent still, it never will speak. */
const patienceMs = 5_000;
/** Longer than any deadline that a gateway of ours gives. */
const longestWaitMs = 600_000;

/** A request that has passed every check. */
export interface Order {
  readonly request: number;
  readonly deadline: number;
  readonly holding: Holding;
  /** null where it is mapped already */
  readonly maps: NamespaceMaps | null;
  readonly denySetgroups: boolean;
}

/** What the states work with. */
export interface Desk {
  readonly mesh: Mesh<'allocator'>;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly namespaces: Namespaces;
}

/** Allocations under way. Those that need no word of the lsm service begin and end within one call. */
export class Allocations {
  readonly #desk: Desk;
  readonly #waiting = new Map<number, Allocation>();

  constructor(desk: Desk) {
    this.#desk = desk;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Whether a namespace on record belongs to a request that is under way. */
  concerns(namespace: string): boolean {
    for (const { order } of this.#waiting.values()) if (order.holding.namespace === namespace) return true;
    return false;
  }

  /** Takes over the descriptor. Every failure from here on is told to the gateway. */
  begin(order: Order, namespace: Descriptor): void {
    const allocation = new Allocation(this.#desk, order, namespace, () => this.#waiting.delete(order.request));
    this.#waiting.set(order.request, allocation);
    allocation.begin();
  }

  /** The lsm service's answer. One that nobody waits for any more is taken back. */
  restricted(request: number, namespace: string, refusal: ErrorCode | null): void {
    const allocation = this.#waiting.get(request);
    if (allocation?.order.holding.namespace === namespace) allocation.restricted(refusal);
    else if (refusal === null && this.#desk.registry.tree.find(namespace) === undefined) release(this.#desk.mesh, namespace);
  }

  /** The lsm service died, and the gateway fails what was there. */
  lsmDied(): void {
    for (const allocation of [...this.#waiting.values()]) allocation.abandon();
  }
}

class Allocation {
  readonly order: Order;
  readonly #desk: Desk;
  readonly #namespace: Descriptor;
  readonly #ended: () => void;
  readonly #actor: Actor<typeof allocationMachine>;
  /** what the gateway is told when the end is not a good one; null where it knows, undefined where nobody said why: a bug */
  #error: PosternError | null | undefined;
  #timer: Timer | undefined;

  constructor(desk: Desk, order: Order, namespace: Descriptor, ended: () => void) {
    this.#desk = desk;
    this.order = order;
    this.#namespace = namespace;
    this.#ended = ended;
    const input: Unexpected = (state, event) =>
      desk.mesh.log.error({ request: order.request, state, event: event.type }, 'an event that the allocation has no use for');
    this.#actor = createActor(allocationMachine, { input }).start();
  }

  begin(): void {
    this.#go(this.#record());
  }

  restricted(refusal: ErrorCode | null): void {
    this.#go(refusal === null ? { type: 'RESTRICTED' } : this.#refuse(new PosternError(refusal)));
  }

  abandon(): void {
    this.#go(this.#refuse(null));
  }

  #go(first: AllocationEvent): void {
    for (let event: AllocationEvent | null = first; event !== null; event = this.#act()) this.#actor.send(event);
  }

  /** What a state does on its being reached, and what comes of it; null where it waits or is the end. */
  #act(): AllocationEvent | null {
    switch (this.#actor.getSnapshot().value) {
      case 'restricting':
        return this.#restrict();
      case 'mapping':
        this.#timer?.cancel();
        return this.#map();
      case 'held':
        this.#desk.mesh.send('gateway', 'range.allocated', { request: this.order.request, name: this.order.holding.name });
        return this.#end();
      case 'undone':
        this.#undo();
        return this.#fail();
      case 'refused':
      case 'left':
        return this.#fail();
      default:
        return null;
    }
  }

  #record(): AllocationEvent {
    try {
      this.#desk.registry.hold(this.order.holding);
      return { type: 'RECORDED', guarded: this.order.holding.guarded };
    } catch (thrown) {
      return this.#refuse(asPosternError(thrown));
    }
  }

  #restrict(): AllocationEvent | null {
    const { request, deadline, denySetgroups, holding } = this.order;
    const wait = Math.min(Math.max(0, deadline - this.#desk.clock.now()) + patienceMs, longestWaitMs);
    this.#timer = this.#desk.clock.after(wait, () => this.#go(this.#refuse(new PosternError('TIMED_OUT'))));
    try {
      const restriction = { request, namespace: this.#name, transient: hasRange(holding), denySetgroups };
      this.#desk.mesh.pass('lsm', 'range.restrict', restriction, [this.#namespace.duplicate()]);
      return null;
    } catch (thrown) {
      return this.#refuse(asPosternError(thrown));
    }
  }

  #map(): AllocationEvent {
    const { maps, denySetgroups } = this.order;
    try {
      if (maps !== null) this.#desk.namespaces.writeMaps(this.#namespace, maps, denySetgroups);
    } catch (thrown) {
      return this.#mapFailed(thrown);
    }
    this.#desk.registry.mapped(this.#name);
    return { type: 'MAPPED' };
  }

  #mapFailed(thrown: unknown): AllocationEvent {
    if (!isSystemError(thrown)) throw thrown;
    this.#desk.mesh.log.warn({ request: this.order.request, err: thrown }, 'the maps could not be written');
    const event = this.#refuse(new PosternError(thrown.code === 'EEXIST' ? 'NAMESPACE_NOT_EMPTY' : 'INTERNAL'));
    if (!this.#desk.namespaces.isMapped(this.#namespace, this.order.holding)) return event;
    // Half of it is there, and stays as long as the namespace does.
    this.#desk.registry.mapped(this.#name);
    return { type: 'UNCLEAR' };
  }

  /** What can't be taken back on record stays there until the namespace is gone, or passed again. */
  #undo(): void {
    const { mesh, registry } = this.#desk;
    try {
      registry.undo(this.#name);
    } catch (thrown) {
      mesh.log.warn({ namespace: this.#name, err: thrown }, 'a range could not be taken back yet');
    }
    if (this.order.holding.guarded) release(mesh, this.#name);
  }

  #refuse(error: PosternError | null): AllocationEvent {
    this.#error = error;
    return { type: 'REFUSED' };
  }

  #fail(): null {
    if (this.#error !== null) this.#desk.mesh.fail(this.order.request, this.#error ?? new PosternError('INTERNAL'));
    return this.#end();
  }

  #end(): null {
    this.#timer?.cancel();
    this.#namespace.close();
    this.#ended();
    return null;
  }

  get #name(): string {
    return this.order.holding.namespace;
  }
}

/** Tells the lsm service to forget a namespace. What can't be told, it finds out by itself when the namespace ends. */
export function release(mesh: Mesh<'allocator'>, namespace: string): void {
  try {
    mesh.send('lsm', 'namespace.release', { namespace });
  } catch (thrown) {
    mesh.log.warn({ namespace, err: thrown }, 'the lsm service could not be told of a release');
  }
}
