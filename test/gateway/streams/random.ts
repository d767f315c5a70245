/** Numbers that look random and come again with their seed: each stream of a corpus has a row of its own, so that it can be played alone. */

export class Random {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = Math.imul(seed ^ Math.imul(index + 1, 0x9e37_79b1), 0x85eb_ca6b);
    this.#next();
  }

  /** An integer from 0 up to `end`, without it. */
  below(end: number): number {
    return Math.floor((this.#next() / 2 ** 32) * end);
  }

  /** Whether something happens that happens so many times out of a thousand. */
  chance(perMille: number): boolean {
    return this.#next() < (perMille / 1000) * 2 ** 32;
  }

  pick<T>(items: readonly T[]): T {
    for (const item of items.slice(this.below(items.length))) return item;
    throw new Error('nothing to pick from');
  }

  /** One of several makers, each with its weight. */
  weighted<T>(makers: readonly (readonly [weight: number, make: () => T])[]): T {
    let left = this.below(makers.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, make] of makers) {
      left -= weight;
      if (left < 0) return make();
    }
    throw new Error('nothing to pick from');
  }

  list<T>(length: number, make: () => T): T[] {
    return Array.from({ length }, make);
  }

  /** mulberry32 */
  #next(): number {
    this.#state = (this.#state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
