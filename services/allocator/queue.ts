/** Waiting in line: how freed ranges come back as late as they can. Pure. */

/** A member's turn: who left and comes back gets a new one. */
interface Turn {
  readonly item: number;
}

/** First in, first out; any member can leave early. Those who left are stepped over later, so every step is O(1) on the average. */
export class Queue {
  #line: Turn[] = [];
  #head = 0;
  readonly #turns = new Map<number, Turn>();

  get size(): number {
    return this.#turns.size;
  }

  push(item: number): void {
    const turn = { item };
    this.#turns.set(item, turn);
    this.#line.push(turn);
  }

  delete(item: number): boolean {
    return this.#turns.delete(item);
  }

  /** Up to `count` of those who have waited longest; they stay in. */
  oldest(count: number): number[] {
    this.#dropHead();
    const found: number[] = [];
    for (let i = this.#head; i < this.#line.length && found.length < count; i++) {
      const turn = this.#line[i];
      if (this.#counts(turn)) found.push(turn.item);
    }
    return found;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const turn of this.#line) if (this.#counts(turn)) yield turn.item;
  }

  #counts(turn: Turn | undefined): turn is Turn {
    return turn !== undefined && this.#turns.get(turn.item) === turn;
  }

  #dropHead(): void {
    while (this.#head < this.#line.length && !this.#counts(this.#line[this.#head])) this.#head++;
    if (this.#head * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
  }
}
