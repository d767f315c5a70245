/** The books against a model of the truth: no ID has two holders, and none that may have leaked is ever used again, whatever crashes. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PosternError } from '../../mesh/errors.ts';
import type { Holding } from '../../services/allocator/events.ts';
import { containerSize, type IdRange, overlap, rangeAt } from '../../services/allocator/ids.ts';
import type { HostPools } from '../../services/allocator/range-tree.ts';
import { Registry } from '../../services/allocator/registry.ts';
import { chance } from './support/chance.ts';
import { hold } from './support/holdings.ts';
import { MemoryDisk } from './support/memory-disk.ts';

const block = 65536;
const at = (first: number, count: number) => ({ first: first * block, last: (first + count) * block - 1 });
/** Configurations that an operator may change between; IDs move from one pool to the other, too. Some lie above 2^31. */
const configurations: readonly HostPools[] = [
  { containers: [at(8, 100)], singles: [{ first: 61184, last: 61215 }] },
  { containers: [at(20, 60), at(40_000, 80)], singles: [{ first: 8 * block, last: 8 * block + 31 }] },
  { containers: [at(60, 150)], singles: [{ first: 59 * block + 5, last: 59 * block + 40 }] },
];

const action = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant('allocate' as const),
      below: fc.nat(),
      unit: fc.constantFrom(65536 as const, 65536 as const, 1 as const),
      type: fc.constantFrom('managed' as const, 'managed' as const, 'self' as const),
      delegated: fc.integer({ min: 0, max: 4 }),
      /** the process dies right after: before the maps are written, or before that is on record */
      cut: fc.constantFrom('no', 'no', 'no', 'refused', 'before maps', 'after maps', 'power before maps', 'power after maps'),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('end' as const), which: fc.nat(), heard: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('give' as const), which: fc.nat(), back: fc.boolean(), crash: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('policy' as const), policy: fc.constantFrom('enforced' as const, 'off' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), configuration: fc.nat({ max: 2 }), orderly: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('power' as const), keep: fc.double({ min: 0, max: 1, noNaN: true }) }) },
);

/** A namespace as it really is. */
interface Living {
  readonly holding: Holding;
  readonly parent: string | null;
  mapped: boolean;
  /** control groups that may belong to one of its IDs */
  readonly groups: Set<string>;
  /** it was mapped at a time when nothing kept it from leaving files behind */
  loose: boolean;
}

/** The machine: its disk, its kernel's namespaces, and the allocator of the moment. */
class Machine {
  readonly disk = new MemoryDisk();
  readonly living = new Map<string, Living>();
  /** ranges of which a stranger's file may carry an ID */
  readonly leaked: IdRange[] = [];
  registry: Registry;
  #pools: HostPools = configurations[0] ?? { containers: [], singles: [] };
  #boot = 1;
  #names = 0;
  #groups = 0;
  readonly #random: (below: number) => number;

  constructor(random: (below: number) => number) {
    this.#random = random;
    this.registry = this.#open();
  }

  allocate(wanted: { below: number; unit: 1 | 65536; type: 'managed' | 'self'; delegated: number; cut: string }): void {
    const parents = [null, ...this.living.keys()];
    const parent = parents[wanted.below % parents.length] ?? null;
    if (parent !== null && this.living.get(parent)?.mapped !== true) return;
    const namespace = `id:${this.#names++}`;
    let holding: Holding;
    try {
      holding = hold(this.registry, { ...wanted, unit: wanted.type === 'self' ? 1 : wanted.unit, namespace, parent });
    } catch (error) {
      if (error instanceof PosternError) return;
      throw error;
    }
    this.#check(holding, parent);
    const living: Living = { holding, parent, mapped: false, groups: new Set(), loose: false };
    this.living.set(namespace, living);
    if (wanted.cut === 'refused') {
      this.registry.undo(namespace);
      return;
    }
    if (wanted.cut.endsWith('before maps')) {
      this.#cut(wanted.cut);
      return;
    }
    living.mapped = true;
    living.loose = this.registry.tree.policy !== 'enforced' || (parent !== null && this.living.get(parent)?.loose === true);
    if (wanted.cut.endsWith('after maps')) this.#cut(wanted.cut);
    else this.registry.mapped(namespace);
  }

  /** The namespace ends, and all that lie in it. */
  end(which: number, heard: boolean): void {
    const names = [...this.living.keys()];
    const name = names[which % Math.max(1, names.length)];
    if (name !== undefined) this.#end(name, heard);
  }

  /** A control group goes to a namespace, and perhaps stays where it was. */
  give(which: number, back: boolean, crash: boolean): void {
    const mapped = [...this.living.values()].filter((each) => each.mapped);
    const living = mapped[which % Math.max(1, mapped.length)];
    if (living === undefined) return;
    const { namespace } = living.holding;
    const group = String(++this.#groups);
    this.registry.give(namespace, group);
    if (back) this.registry.keep(namespace, group);
    else living.groups.add(group);
    if (crash) this.crash();
    const known = this.registry.tree.get(namespace).controlGroups;
    expect(known).toEqual(expect.arrayContaining([...living.groups]));
    expect(this.registry.tree.belongings.holderOfControlGroup(group)).toBe(back ? undefined : namespace);
  }

  policy(policy: 'enforced' | 'off'): void {
    this.registry.setPolicy(policy);
    if (policy === 'off') for (const each of this.living.values()) each.loose ||= each.mapped;
  }

  crash(configuration?: number, orderly = false): void {
    if (orderly) this.registry.close();
    this.#pools = configurations[configuration ?? 0] ?? this.#pools;
    this.registry = this.#open();
    this.#reconcile();
  }

  losePower(keep: number): void {
    for (const name of [...this.living.keys()]) this.#end(name, false);
    this.disk.losePower(keep);
    this.#boot++;
    this.registry = this.#open();
    expect(this.registry.tree.size).toBe(0);
  }

  #open(): Registry {
    // So small that the journal is rewritten every now and then.
    const rewriteAtBytes = 6_000;
    const boot = `boot ${this.#boot}`;
    const unsound = (error: unknown) => {
      throw error;
    };
    return Registry.open({ folder: '/state', pools: this.#pools, boot, random: this.#random, disk: this.disk, rewriteAtBytes, unsound });
  }

  #cut(how: string): void {
    if (how.startsWith('power')) this.losePower(0.3);
    else this.crash();
  }

  #reconcile(): void {
    for (const { namespace, mapped } of [...this.registry.tree.holdings()]) {
      const living = this.living.get(namespace);
      if (living === undefined) {
        if (this.registry.tree.find(namespace) !== undefined) this.registry.free(namespace);
      } else if (!mapped && living.mapped) this.registry.mapped(namespace);
      else if (!mapped) this.registry.undo(namespace);
    }
  }

  #end(name: string, heard: boolean): void {
    const living = this.living.get(name);
    if (living === undefined) return;
    for (const [child, { parent }] of this.living) if (parent === name) this.#end(child, heard);
    this.living.delete(name);
    if (living.loose) this.leaked.push(...rangesOf(living.holding));
    if (heard && this.registry.tree.find(name) !== undefined) this.registry.free(name);
  }

  /** What was chosen must be nobody else's, now or before, unless everything it did was guarded. */
  #check(holding: Holding, parent: string | null): void {
    const given = rangesOf(holding);
    const node = parent === null ? undefined : this.living.get(parent);
    if (node !== undefined) for (const { first } of given) expect(node.holding.delegated).toContain(first);
    // Below a node that is loose itself the IDs are its own, and it may have used them as it liked.
    if (node?.loose !== true) expect(given.filter((range) => this.leaked.some((leak) => overlap(range, leak)))).toEqual([]);
    for (const other of this.living.values()) {
      if (!other.mapped || other.parent !== parent) continue;
      expect(given.filter((range) => rangesOf(other.holding).some((theirs) => overlap(range, theirs)))).toEqual([]);
    }
  }
}

function rangesOf({ start, unit, delegated }: Holding): IdRange[] {
  const spare = delegated.map((first) => rangeAt(first, containerSize));
  return start === null ? spare : [rangeAt(start, unit), ...spare];
}

it('gives no ID two holders, and none that may have leaked a second one, through crashes, power loss and new configurations', () => {
  fc.assert(
    fc.property(chance, fc.array(action, { minLength: 20, maxLength: 150 }), (random, actions) => {
      const machine = new Machine(random);
      for (const each of actions) {
        if (each.do === 'allocate') machine.allocate(each);
        else if (each.do === 'end') machine.end(each.which, each.heard);
        else if (each.do === 'give') machine.give(each.which, each.back, each.crash);
        else if (each.do === 'policy') machine.policy(each.policy);
        else if (each.do === 'crash') machine.crash(each.configuration, each.orderly);
        else machine.losePower(each.keep);
      }
    }),
    { numRuns: 1000 },
  );
});
