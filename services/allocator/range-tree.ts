/**
 * Which namespace holds which IDs. The tree's root is the host with its pools; a namespace that was given ranges to spare is a
 * node, and its children are served from those by the same code, to any depth. The tree changes by events only (events.ts), so
 * that replaying a journal gives the very same tree. Pure.
 */
import { Belongings } from './belongings.ts';
import type { Holding, Policy, RegistryEvent } from './events.ts';
import { containerSize, type IdRange, places, type Unit } from './ids.ts';
import { Pool, type PoolCounts } from './pool.ts';

/** The pools of the host, as the operator configured them. */
export interface HostPools {
  readonly containers: readonly IdRange[];
  readonly singles: readonly IdRange[];
}

export class RangeTree {
  /** kernel's name of this boot; empty before the first event */
  boot = '';
  boots = 0;
  policy: Policy = 'unheard';
  /** how many holds there ever were */
  serial = 0;
  readonly #root: Readonly<Record<Unit, Pool>>;
  readonly #holdings = new Map<string, Holding>();
  readonly #delegated = new Map<string, Pool>();
  readonly #children = new Map<string, Set<string>>();
  readonly #names = new Map<string, string>();
  /** by the first ID of a namespace's own range */
  readonly #starts = new Map<number, string>();
  readonly #inodes = new Map<string, string>();
  readonly #owners = new Map<number, number>();
  readonly belongings = new Belongings();

  constructor(pools: HostPools) {
    this.#root = { 1: new Pool(places(pools.singles, 1)), 65536: new Pool(places(pools.containers, containerSize)) };
  }

  find(namespace: string): Holding | undefined {
    return this.#holdings.get(namespace);
  }

  /** @throws Error where a namespace holds nothing */
  get(namespace: string): Holding {
    const holding = this.find(namespace);
    if (holding === undefined) throw new Error(`${namespace} holds nothing`);
    return holding;
  }

  /** The latest holding on an inode (`ino:N`), on kernels whose namespaces have no other name. */
  onInode(inode: string): Holding | undefined {
    const namespace = this.#inodes.get(inode);
    return namespace === undefined ? undefined : this.find(namespace);
  }

  isNameTaken(name: string): boolean {
    return this.#names.has(name);
  }

  named(name: string): Holding | undefined {
    const namespace = this.#names.get(name);
    return namespace === undefined ? undefined : this.find(namespace);
  }

  /** The namespace whose own range an ID lies in. What it passes on to others is not its own. */
  holderOf(id: number): Holding | undefined {
    const single = this.#startingAt(id);
    if (single !== undefined) return single;
    const container = this.#startingAt(id - (id % containerSize));
    return container?.unit === containerSize ? container : undefined;
  }

  /** How many namespaces an owner holds ranges with. */
  countOf(owner: number): number {
    return this.#owners.get(owner) ?? 0;
  }

  /** Whether a namespace, or one that lies in it, has what must go before its range does. */
  hasBelongings(namespace: string): boolean {
    const { interfaces, controlGroups } = this.get(namespace);
    return interfaces.length > 0 || controlGroups.length > 0 || this.childrenOf(namespace).some((child) => this.hasBelongings(child));
  }

  /** The namespaces that are served from what this one was given. */
  childrenOf(namespace: string): string[] {
    return [...(this.#children.get(namespace) ?? [])];
  }

  get size(): number {
    return this.#holdings.size;
  }

  holdings(): IterableIterator<Holding> {
    return this.#holdings.values();
  }

  /** The pool that children of a node get their ranges from; undefined where it has none to give. */
  pool(parent: string | null, unit: Unit): Pool | undefined {
    if (parent === null) return this.#root[unit];
    return unit === containerSize ? this.#delegated.get(parent) : undefined;
  }

  counts(): { readonly containers: PoolCounts; readonly singles: PoolCounts } {
    return { containers: this.#root[65536].counts(), singles: this.#root[1].counts() };
  }

  /** Does what an event says. Throws on one that can't be: two holders for one range, an end without a beginning. */
  apply(event: RegistryEvent): void {
    switch (event.kind) {
      case 'boot':
        this.#startBoot(event.id);
        return;
      case 'policy':
        this.#setPolicy(event.policy);
        return;
      case 'reserve':
        for (const start of event.starts) this.#root[event.unit].reserve(start);
        return;
      case 'unreserve':
        for (const pool of Object.values(this.#root)) pool.dissolveReserve(false, this.boots);
        return;
      case 'hold':
        this.#hold(event.holding);
        return;
      case 'mapped':
        this.#change(event.namespace, () => ({ mapped: true }));
        return;
      case 'interface':
        this.#change(event.namespace, ({ interfaces }) => ({ interfaces: [...interfaces, event.added] }));
        return;
      case 'ended':
        this.#change(event.namespace, () => ({ ended: true }));
        return;
      case 'give':
        this.#change(event.namespace, ({ controlGroups }) => ({ controlGroups: [...controlGroups, event.controlGroup] }));
        return;
      case 'keep':
        this.#change(event.namespace, ({ controlGroups }) => ({
          controlGroups: controlGroups.filter((each) => each !== event.controlGroup),
        }));
        return;
      case 'undo':
        this.#undo(this.get(event.namespace));
        return;
      case 'free':
        this.#free(this.get(event.namespace));
        return;
      case 'books':
        this.boot = event.boot;
        this.boots = event.boots;
        this.policy = event.policy;
        this.serial = event.serial;
        this.#root[65536].load(event.containers);
        this.#root[1].load(event.singles);
        return;
      case 'spare':
        this.#delegated.get(event.namespace)?.load(event.books);
        return;
    }
  }

  /** The shortest journal that gives this tree. */
  *summary(): Generator<RegistryEvent> {
    const { boot, boots, policy } = this;
    const serial = this.serial - this.#holdings.size;
    yield { kind: 'books', boot, boots, policy, serial, containers: this.#root[65536].books(), singles: this.#root[1].books() };
    for (const holding of this.#holdings.values()) {
      yield { kind: 'hold', holding };
      const spare = this.#delegated.get(holding.namespace)?.books();
      if (spare !== undefined) yield { kind: 'spare', namespace: holding.namespace, books: spare };
    }
  }

  /**
   * Keeps single IDs out of ranges that somebody has or had as a whole, and the other way round: a changed configuration may have
   * moved IDs from one pool to the other. Called once, when the journal was read.
   */
  separatePools(): void {
    const { 1: singles, 65536: containers } = this.#root;
    for (const id of singles.places()) {
      if (containers.isSpokenFor(id - (id % containerSize))) singles.withhold(id);
    }
    for (const id of singles.spokenFor()) containers.withhold(id - (id % containerSize));
  }

  #startBoot(boot: string): void {
    // Children first: a range goes back to where it came from.
    for (const holding of [...this.#holdings.values()].reverse()) this.#free(holding);
    // A use that was not yet on disk when power was lost can only be of a reserved range: those are marked ahead of it.
    const perhapsUsed = this.policy !== 'enforced';
    for (const pool of Object.values(this.#root)) pool.dissolveReserve(perhapsUsed, this.boots);
    this.boot = boot;
    this.boots++;
    this.policy = 'unheard';
  }

  #setPolicy(policy: Policy): void {
    this.policy = policy;
    if (policy !== 'off') return;
    // From here on any of them may leave a file behind.
    for (const namespace of this.#holdings.keys()) this.#change(namespace, () => ({ guarded: false }));
  }

  #hold(holding: Holding): void {
    const { namespace, owner, name, parent, delegated, start, unit } = holding;
    if (this.#holdings.has(namespace)) throw new Error(`${namespace} would have had two holdings`);
    if (start !== null) this.#poolOf(parent, unit).hold(start, owner);
    for (const spare of delegated) this.#poolOf(parent, containerSize).hold(spare, owner);
    this.#holdings.set(namespace, holding);
    this.#names.set(name, namespace);
    if (start !== null) this.#starts.set(start, namespace);
    const inode = inodeOf(namespace);
    if (inode !== null) this.#inodes.set(inode, namespace);
    this.#owners.set(owner, this.countOf(owner) + 1);
    if (delegated.length > 0) this.#delegated.set(namespace, new Pool(delegated));
    if (parent !== null) this.#siblings(parent).add(namespace);
    this.belongings.add(holding);
    this.serial++;
  }

  /** The namespace is gone, so everything that lies in it is gone too. */
  #free(holding: Holding): void {
    for (const child of this.#children.get(holding.namespace) ?? []) this.#free(this.get(child));
    const spare = this.#delegated.get(holding.namespace);
    for (const [pool, start] of this.#rangesOf(holding)) {
      if (holding.guarded && spare?.isBurnt(start) !== true) pool.free(start);
      else pool.burn(start, this.boots);
    }
    this.#forget(holding);
  }

  #undo(holding: Holding): void {
    const reserved = holding.parent === null && !holding.guarded;
    for (const [pool, start] of this.#rangesOf(holding)) pool.undo(start, reserved);
    this.#forget(holding);
  }

  #rangesOf({ parent, unit, start, delegated }: Holding): (readonly [Pool, number])[] {
    const own = start === null ? [] : [[this.#poolOf(parent, unit), start] as const];
    return [...own, ...delegated.map((spare) => [this.#poolOf(parent, containerSize), spare] as const)];
  }

  #forget(holding: Holding): void {
    const { namespace, name, owner, parent, start } = holding;
    this.#holdings.delete(namespace);
    this.#delegated.delete(namespace);
    this.#names.delete(name);
    if (start !== null) this.#starts.delete(start);
    this.belongings.remove(holding);
    const inode = inodeOf(namespace);
    if (inode !== null && this.#inodes.get(inode) === namespace) this.#inodes.delete(inode);
    const rest = this.countOf(owner) - 1;
    if (rest === 0) this.#owners.delete(owner);
    else this.#owners.set(owner, rest);
    if (parent === null) return;
    const siblings = this.#siblings(parent);
    siblings.delete(namespace);
    if (siblings.size === 0) this.#children.delete(parent);
  }

  #startingAt(id: number): Holding | undefined {
    const namespace = this.#starts.get(id);
    return namespace === undefined ? undefined : this.find(namespace);
  }

  #change(namespace: string, change: (holding: Holding) => Partial<Holding>): void {
    const before = this.get(namespace);
    const after = { ...before, ...change(before) };
    this.belongings.remove(before);
    this.belongings.add(after);
    this.#holdings.set(namespace, after);
  }

  #poolOf(parent: string | null, unit: Unit): Pool {
    const pool = this.pool(parent, unit);
    if (pool === undefined) throw new Error(`${parent ?? 'the host'} has no ranges of ${unit}`);
    return pool;
  }

  #siblings(parent: string): Set<string> {
    const known = this.#children.get(parent);
    if (known !== undefined) return known;
    const fresh = new Set<string>();
    this.#children.set(parent, fresh);
    return fresh;
  }
}

/** The part of a namespace's name that the kernel may use again; null where it has a better one. */
function inodeOf(namespace: string): string | null {
  return /^(ino:\d+)\+\d+$/.exec(namespace)?.[1] ?? null;
}
