/**
 * One pool of equal ranges, each named by its first ID, and what has become of each:
 *
 *     unused ──► held ──► clean     the namespace died, and the policy had been in force for all of its life: may be held again
 *        │        ▲  └──► burnt     it died unguarded: a file of its IDs may be left somewhere, so nobody gets them again
 *        └► reserved                marked on disk as "perhaps used", ahead of unguarded use
 *
 * A holder is drawn at random from the unused ranges, so no base can be guessed; when none is left, the least recently freed
 * clean one follows, so reuse is as late as it can be. Every step is O(1). Pure: chance comes from outside.
 */
import { Queue } from './queue.ts';
import { type Random, Urn } from './urn.ts';

/**
 * Who burnt a range, and in which boot. A search for what is left of it is of use only in a later one: until then a file without a name,
 * open somewhere, may get one.
 */
export interface Burnt {
  readonly owner: number;
  readonly boot: number;
}

/** Everything about a pool that must outlive the process; what is in none of the lists was never used. */
export interface PoolBooks {
  readonly clean: readonly number[];
  readonly reserved: readonly number[];
  readonly burnt: readonly (readonly [start: number, owner: number, boot: number])[];
}

export interface PoolCounts {
  readonly total: number;
  readonly unused: number;
  readonly reserved: number;
  readonly held: number;
  readonly clean: number;
  readonly burnt: number;
}

export class Pool {
  /** how many ranges the pool has */
  readonly total: number;
  readonly #offered: ReadonlySet<number>;
  readonly #unused: Urn;
  readonly #clean = new Queue();
  readonly #reserved = new Set<number>();
  readonly #held = new Map<number, number>();
  readonly #burnt = new Map<number, Burnt>();
  /** held and burnt ranges of each owner */
  readonly #used = new Map<number, number>();
  /** clean and reserved ranges that the configuration has taken out of the pool since: remembered, and not given out */
  readonly #retired = new Set<number>();
  readonly #retiredReserve = new Set<number>();

  /** @param places the first ID of each range */
  constructor(places: Iterable<number>) {
    this.#offered = new Set(places);
    this.#unused = new Urn(this.#offered);
    this.total = this.#offered.size;
  }

  /** `count` ranges for a guarded holder, or fewer where there are no more. They stay where they are until `hold`. */
  choose(count: number, random: Random): number[] {
    const chosen = this.#unused.draw(count, random);
    if (chosen.length < count) chosen.push(...this.#clean.oldest(count - chosen.length));
    for (const start of this.#reserved) {
      if (chosen.length >= count) break;
      chosen.push(start);
    }
    return chosen;
  }

  /** `count` of the reserved ranges, or fewer: the only ones that an unguarded holder may get. */
  chooseReserved(count: number): number[] {
    const chosen: number[] = [];
    for (const start of this.#reserved) {
      if (chosen.length >= count) break;
      chosen.push(start);
    }
    return chosen;
  }

  /** `count` ranges to reserve next, or fewer. */
  chooseToReserve(count: number, random: Random): number[] {
    const chosen = this.#unused.draw(count, random);
    return chosen.length < count ? [...chosen, ...this.#clean.oldest(count - chosen.length)] : chosen;
  }

  reserve(start: number): void {
    this.#takeOut(start);
    const reserve = this.#offered.has(start) ? this.#reserved : this.#retiredReserve;
    reserve.add(start);
  }

  /** @param owner who answers for it, for the shares */
  hold(start: number, owner: number): void {
    if (this.#held.has(start)) throw new Error(`the range at ${start} would have had two holders`);
    if (this.#burnt.has(start)) throw new Error(`the range at ${start} is burnt`);
    this.#takeOut(start);
    this.#held.set(start, owner);
    this.#count(owner, 1);
  }

  /** Ends a hold under which no ID of the range can have been left anywhere. */
  free(start: number): void {
    this.#count(this.#leave(start), -1);
    this.#rest(start);
  }

  /** Ends a hold for good. */
  burn(start: number, boot: number): void {
    this.#burnt.set(start, { owner: this.#leave(start), boot });
  }

  /** Ends a hold that came to nothing: no ID was ever mapped. A reserved range stays reserved: its mark is on disk already. */
  undo(start: number, reserved: boolean): void {
    this.#count(this.#leave(start), -1);
    if (reserved && this.#offered.has(start)) this.#reserved.add(start);
    else this.#rest(start);
  }

  /** What is left of the reserve: known to be unused, or perhaps used when power was lost. */
  dissolveReserve(perhapsUsed: boolean, boot: number): void {
    for (const start of [...this.#reserved, ...this.#retiredReserve]) {
      this.#takeOut(start);
      if (perhapsUsed) this.#putBurnt(start, 0, boot);
      else this.#rest(start);
    }
  }

  /** Keeps a range from being given out for as long as this process lives, without a mark in the books. */
  withhold(start: number): void {
    this.#takeOut(start);
  }

  isBurnt(start: number): boolean {
    return this.#burnt.has(start);
  }

  /** Whether a range has a holder, or must not have one again. */
  isSpokenFor(start: number): boolean {
    return this.#held.has(start) || this.#burnt.has(start);
  }

  *spokenFor(): Generator<number> {
    yield* this.#held.keys();
    yield* this.#burnt.keys();
  }

  places(): Iterable<number> {
    return this.#offered;
  }

  /** Held and burnt ranges that an owner answers for. */
  usedBy(owner: number): number {
    return this.#used.get(owner) ?? 0;
  }

  counts(): PoolCounts {
    return {
      total: this.total,
      unused: this.#unused.size,
      reserved: this.#reserved.size,
      held: this.#held.size,
      clean: this.#clean.size,
      burnt: this.#burnt.size,
    };
  }

  books(): PoolBooks {
    return {
      clean: [...this.#retired, ...this.#clean],
      reserved: [...this.#retiredReserve, ...this.#reserved],
      burnt: [...this.#burnt].map(([start, { owner, boot }]) => [start, owner, boot]),
    };
  }

  /** Takes over what an earlier process knew. */
  load(books: PoolBooks): void {
    for (const [start, owner, boot] of books.burnt) this.#putBurnt(start, owner, boot);
    for (const start of books.reserved) this.reserve(start);
    for (const start of books.clean) {
      this.#takeOut(start);
      this.#rest(start);
    }
  }

  #putBurnt(start: number, owner: number, boot: number): void {
    this.#takeOut(start);
    this.#burnt.set(start, { owner, boot });
    this.#count(owner, 1);
  }

  #rest(start: number): void {
    if (this.#offered.has(start)) this.#clean.push(start);
    else this.#retired.add(start);
  }

  #takeOut(start: number): void {
    this.#unused.delete(start);
    this.#clean.delete(start);
    this.#reserved.delete(start);
    this.#retired.delete(start);
    this.#retiredReserve.delete(start);
  }

  #leave(start: number): number {
    const owner = this.#held.get(start);
    if (owner === undefined) throw new Error(`the range at ${start} was not held`);
    this.#held.delete(start);
    return owner;
  }

  #count(owner: number, change: number): void {
    const used = (this.#used.get(owner) ?? 0) + change;
    if (used === 0) this.#used.delete(owner);
    else this.#used.set(owner, used);
  }
}
