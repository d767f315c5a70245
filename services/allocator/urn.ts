/** Drawing without putting back: how bases are chosen that nobody can guess. Pure: chance comes from outside. */

/** A whole number from 0 up to, without, `below`. */
export type Random = (below: number) => number;

/** A set that one can draw from at random, in O(1). */
export class Urn {
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
