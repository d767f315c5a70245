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

/** A whole number from 0 up to, without, `below`. */
export type Random = (below: number) => number;

/** Who burnt a range, and in which boot: what `postern scrub` has to know. */
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

/** A set that one can draw from at random, in O(1). */
class Urn {
  readonly #items: number[] = [];
  readonly #places = new Map<number, number>();

  constructor(items: Iterable<number>) {
    for (const item of items) {
      this.#places.set(item, this.#items.length);
      this.#items.push(item);
    }
  }

  get size(): number {
    return this.#items.length;
  }

  /** Up to `count` different ones, which stay in: the steps of a Fisher-Yates shuffle that are needed, and no more. */
  draw(count: number, random: Random): number[] {
    const taken = Math.min(count, this.#items.length);
    for (let i = 0; i < taken; i++) {
      const end = this.#items.length - 1 - i;
      this.#swap(random(end + 1), end);
    }
    return taken === 0 ? [] : this.#items.slice(-taken);
  }

  delete(item: number): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#swap(place, this.#items.length - 1);
    this.#items.pop();
    this.#places.delete(item);
    return true;
  }

  #swap(a: number, b: number): void {
    const [atA, atB] = [this.#items[a], this.#items[b]];
    if (atA === undefined || atB === undefined) throw new RangeError('outside of the urn');
    this.#items[a] = atB;
    this.#items[b] = atA;
    this.#places.set(atB, a);
    this.#places.set(atA, b);
  }
}

/** First in, first out; any member can leave early. Those who left are stepped over later, so every step is O(1) on the average. */
class Queue {
  #line: number[] = [];
  #head = 0;
  /** a member's latest turn in the line: one who left and came back waits anew */
  readonly #turns = new Map<number, number>();
  #turn = 0;
  #lineTurns: number[] = [];

  get size(): number {
    return this.#turns.size;
  }

  push(item: number): void {
    this.#turns.set(item, this.#turn);
    this.#line.push(item);
    this.#lineTurns.push(this.#turn++);
  }

  delete(item: number): boolean {
    return this.#turns.delete(item);
  }

  /** Up to `count` of those who have waited longest; they stay in. */
  oldest(count: number): number[] {
    const found: number[] = [];
    this.#dropHead();
    for (let i = this.#head; i < this.#line.length && found.length < count; i++) {
      const item = this.#memberAt(i);
      if (item !== undefined) found.push(item);
    }
    return found;
  }

  *[Symbol.iterator](): Generator<number> {
    for (let i = this.#head; i < this.#line.length; i++) {
      const item = this.#memberAt(i);
      if (item !== undefined) yield item;
    }
  }

  #memberAt(place: number): number | undefined {
    const item = this.#line[place];
    return item !== undefined && this.#turns.get(item) === this.#lineTurns[place] ? item : undefined;
  }

  #dropHead(): void {
    while (this.#head < this.#line.length && this.#memberAt(this.#head) === undefined) this.#head++;
    if (this.#head * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#lineTurns = this.#lineTurns.slice(this.#head);
      this.#head = 0;
    }
  }
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
  /** clean ranges that the configuration has taken out of the pool since */
  readonly #retired = new Set<number>();

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
    this.#reserved.add(start);
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
    for (const start of this.#reserved) {
      if (perhapsUsed) this.#putBurnt(start, 0, boot);
      else this.#rest(start);
    }
    this.#reserved.clear();
  }

  /** Gives back a burnt range of which nothing was found; false when it was none. */
  cleanse(start: number): boolean {
    const burnt = this.#burnt.get(start);
    if (burnt === undefined) return false;
    this.#burnt.delete(start);
    this.#count(burnt.owner, -1);
    this.#rest(start);
    return true;
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

  burnt(): IterableIterator<[number, Burnt]> {
    return this.#burnt.entries();
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
      reserved: [...this.#reserved],
      burnt: [...this.#burnt].map(([start, { owner, boot }]) => [start, owner, boot]),
    };
  }

  /** Takes over what an earlier process knew. Ranges that the configuration no longer offers are remembered, and not given out. */
  load(books: PoolBooks): void {
    for (const [start, owner, boot] of books.burnt) this.#putBurnt(start, owner, boot);
    for (const start of books.reserved) {
      if (this.#offered.has(start)) this.reserve(start);
      else this.#rest(start);
    }
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
