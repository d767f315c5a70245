/**
 * The range tree, made durable: each change is appended to the journal before anybody acts on it. What must also outlive a loss
 * of power (the mark ahead of unguarded use, the loss of the policy) is on disk before the call returns.
 */
import * as v from 'valibot';
import { PosternError } from '../../mesh/errors.ts';
import type { NetworkInterface } from '../../mesh/protocol.ts';
import { eventSchema, type Holding, type Policy, type RegistryEvent } from './events.ts';
import { containerSize, type Unit } from './ids.ts';
import { type Disk, Journal, TornJournal } from './journal.ts';
import type { Pool } from './pool.ts';
import { type HostPools, RangeTree } from './range-tree.ts';
import type { Random } from './urn.ts';

/** Ranges marked on disk at a time ahead of unguarded use: one fdatasync (0.2 to 5 ms) for so many; at most so many are lost with power. */
const reserveAtOnce = 64;
/** A journal is rewritten when it is this large, and so many times larger than it was after the last rewrite: amortised O(1). */
const defaultRewriteAtBytes = 4 * 1024 * 1024;
const rewriteAtGrowth = 4;

/** What a namespace asks for. */
export interface Wanted {
  readonly parent: string | null;
  readonly type: Holding['type'];
  readonly unit: Unit;
  readonly delegated: number;
}

/** What was chosen for it. */
export interface Chosen {
  readonly start: number | null;
  readonly delegated: readonly number[];
  readonly guarded: boolean;
}

export interface RegistryOptions {
  readonly folder: string;
  readonly pools: HostPools;
  /** the kernel's name of this boot: with another one, every namespace of the journal is gone */
  readonly boot: string;
  readonly random: Random;
  readonly disk?: Disk | undefined;
  readonly rewriteAtBytes?: number | undefined;
  /** What must be durable could not be made so: this life has to end, and the next one writes all of it anew. */
  readonly unsound: (error: unknown) => never;
}

export class Registry {
  readonly tree: RangeTree;
  readonly #journal: Journal;
  readonly #random: Random;
  readonly #unsound: RegistryOptions['unsound'];
  readonly #rewriteAtLeast: number;
  #rewriteAt: number;

  private constructor(tree: RangeTree, journal: Journal, { random, unsound, rewriteAtBytes = defaultRewriteAtBytes }: RegistryOptions) {
    this.tree = tree;
    this.#journal = journal;
    this.#random = random;
    this.#unsound = unsound;
    this.#rewriteAtLeast = rewriteAtBytes;
    this.#rewriteAt = rewriteAtBytes;
  }

  /** Takes over what earlier processes recorded. @throws where the journal says what can't be */
  static open(options: RegistryOptions): Registry {
    const { folder, pools, boot, disk } = options;
    const { journal, payloads } = Journal.open(folder, disk);
    const tree = new RangeTree(pools);
    for (const payload of payloads) tree.apply(v.parse(eventSchema, payload));
    const registry = new Registry(tree, journal, options);
    if (tree.boot !== boot) registry.#record({ kind: 'boot', id: boot });
    else if (tree.policy !== 'unheard') registry.#record({ kind: 'policy', policy: 'unheard' });
    // Everything that the journal says now counts, so it must last, whether the process before this one synced it or not, or failed to.
    registry.#rewrite();
    registry.#sync();
    tree.separatePools();
    return registry;
  }

  /** Whether a namespace below `parent` would be guarded for all of its life, as things stand. */
  isGuarded(parent: string | null): boolean {
    return this.tree.policy === 'enforced' && (parent === null || this.tree.find(parent)?.guarded === true);
  }

  /**
   * Chooses ranges, without recording that anybody holds them.
   * @throws RANGE_NOT_DELEGATED, RANGES_EXHAUSTED, RANGES_USED_UP
   */
  choose({ parent, type, unit, delegated }: Wanted): Chosen {
    const guarded = this.isGuarded(parent);
    if (type !== 'managed') return { start: null, delegated: this.#take(parent, containerSize, delegated, guarded), guarded };
    const own = unit === containerSize ? [] : this.#take(parent, unit, 1, guarded);
    const rest = this.#take(parent, containerSize, delegated + 1 - own.length, guarded);
    const [start, ...spare] = [...own, ...rest];
    return { start: start ?? null, delegated: spare.sort((a, b) => a - b), guarded };
  }

  /** Records a holder, before the first of its IDs is mapped. */
  hold(holding: Holding): void {
    this.#record({ kind: 'hold', holding });
    // A guarded node's ranges come back clean after a loss of power, unless it is known who used them otherwise.
    const node = holding.parent === null ? undefined : this.tree.find(holding.parent);
    if (node?.guarded === true && !holding.guarded) this.#sync();
  }

  /** A hint only: where it is not on record, the next life looks at the maps themselves. So it never fails. */
  mapped(namespace: string): void {
    const event = { kind: 'mapped', namespace } as const;
    try {
      this.#record(event);
    } catch {
      this.tree.apply(event);
    }
  }

  /** Records to whom a control group goes, before its owner changes. A loss of power ends all control groups, so none must outlive it. */
  give(namespace: string, controlGroup: string): void {
    this.#record({ kind: 'give', namespace, controlGroup });
  }

  /** For a control group whose owner is who it was. */
  keep(namespace: string, controlGroup: string): void {
    this.#record({ kind: 'keep', namespace, controlGroup });
  }

  /** For a namespace of which it is certain that none of the IDs was ever mapped. */
  undo(namespace: string): void {
    this.#record({ kind: 'undo', namespace });
  }

  /** Before there is such an interface. */
  addInterface(namespace: string, added: NetworkInterface): void {
    this.#record({ kind: 'interface', namespace, added });
  }

  /**
   * A namespace is gone. It is freed, unless it, or one that lay in it, has interfaces or control groups: those must go first, then it is
   * only marked, so that this is known where the kernel can't say it a second time.
   * @returns whether it is freed
   */
  leave(namespace: string): boolean {
    const isBare = !this.tree.hasBelongings(namespace);
    if (isBare) this.free(namespace);
    else if (!this.tree.get(namespace).ended) this.#record({ kind: 'ended', namespace });
    return isBare;
  }

  /** For a namespace that is gone, with its interfaces and control groups. */
  free(namespace: string): void {
    this.#record({ kind: 'free', namespace });
  }

  setPolicy(policy: Policy): void {
    if (policy === this.tree.policy) return;
    this.#record({ kind: 'policy', policy });
    if (policy !== 'enforced') this.#sync();
  }

  /** The journal's size. */
  get bytes(): number {
    return this.#journal.bytes;
  }

  /** An orderly end: ranges that were marked ahead of their use are not lost with the power that may go next. */
  close(): void {
    try {
      this.#record({ kind: 'unreserve' });
      this.#journal.sync();
    } catch {
      // Then they are: some ranges fewer, no promise broken.
    }
    this.#journal.close();
  }

  #take(parent: string | null, unit: Unit, count: number, guarded: boolean): number[] {
    const pool = this.tree.pool(parent, unit);
    if (count === 0) return [];
    if (pool === undefined) throw new PosternError('RANGE_NOT_DELEGATED');
    const chosen = guarded || parent !== null ? pool.choose(count, this.#random) : this.#takeReserved(pool, unit, count);
    if (chosen.length < count) throw new PosternError(guarded ? 'RANGES_EXHAUSTED' : 'RANGES_USED_UP');
    return chosen;
  }

  #takeReserved(pool: Pool, unit: Unit, count: number): number[] {
    const reserved = pool.chooseReserved(count);
    if (reserved.length === count) return reserved;
    const starts = pool.chooseToReserve(reserveAtOnce, this.#random);
    if (starts.length === 0) return reserved;
    this.#record({ kind: 'reserve', unit, starts });
    this.#sync();
    return pool.chooseReserved(count);
  }

  /** Journal first: an event that could not be written has not happened. @throws SERVICE_UNAVAILABLE */
  #record(event: RegistryEvent): void {
    try {
      this.#journal.append(event);
    } catch (error) {
      if (error instanceof TornJournal) this.#unsound(error);
      // A full disk is the operator's matter, not a bug.
      throw new PosternError('SERVICE_UNAVAILABLE', 'the state folder can not be written');
    }
    this.tree.apply(event);
    if (this.#journal.bytes >= this.#rewriteAt) this.#rewrite();
  }

  #sync(): void {
    try {
      this.#journal.sync();
    } catch (error) {
      this.#unsound(error);
    }
  }

  /** A longer journal is as true as a shorter one, so what fails here fails nothing else. */
  #rewrite(): void {
    try {
      this.#journal.rewrite(this.tree.summary());
    } catch {
      // No room, most likely: the next try comes when the journal has grown as much again.
    }
    this.#rewriteAt = Math.max(this.#rewriteAtLeast, this.#journal.bytes * rewriteAtGrowth);
  }
}
