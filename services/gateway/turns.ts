/** Whose request is next. Users take turns, so that one with a thousand requests waiting delays another by one at most. Pure. */

export interface Turn {
  /** Ends it, or withdraws it while it waits. Twice does nothing. */
  end(): void;
}

interface Waiting {
  readonly turn: Turn;
  readonly start: (turn: Turn) => void;
}

export class Turns {
  readonly #perUser: number;
  readonly #total: number;
  readonly #running = new Map<number, number>();
  /** Users with something waiting, the one whose turn is next first: a Map keeps its order. */
  readonly #waiting = new Map<number, Set<Waiting>>();
  #runningInAll = 0;
  #waitingInAll = 0;
  #handingOut = false;

  constructor(perUser: number, total: number) {
    this.#perUser = perUser;
    this.#total = total;
  }

  get running(): number {
    return this.#runningInAll;
  }

  get waiting(): number {
    return this.#waitingInAll;
  }

  /** Calls `start` when it is this user's turn, which may be at once. */
  ask(account: number, start: (turn: Turn) => void): Turn {
    let state: 'waiting' | 'running' | 'over' = 'waiting';
    const turn: Turn = {
      end: () => {
        if (state === 'waiting') this.#withdraw(account, waiting);
        if (state === 'running') this.#finish(account);
        state = 'over';
        this.#handOut();
      },
    };
    const waiting: Waiting = {
      turn,
      start: () => {
        state = 'running';
        start(turn);
      },
    };
    const line = this.#waiting.get(account);
    if (line === undefined) this.#waiting.set(account, new Set([waiting]));
    else line.add(waiting);
    this.#waitingInAll += 1;
    this.#handOut();
    return turn;
  }

  /** `start` may end its own turn or ask for another, so one loop at a time goes on until nobody can be served. */
  #handOut(): void {
    if (this.#handingOut) return;
    this.#handingOut = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) next.start(next.turn);
    } finally {
      this.#handingOut = false;
    }
  }

  #next(): Waiting | undefined {
    if (this.#runningInAll >= this.#total) return undefined;
    for (const [account, line] of this.#waiting) {
      const running = this.#running.get(account) ?? 0;
      const [first] = line;
      if (running >= this.#perUser || first === undefined) continue;
      this.#withdraw(account, first);
      // to the end of the round
      if (line.size > 0) {
        this.#waiting.delete(account);
        this.#waiting.set(account, line);
      }
      this.#running.set(account, running + 1);
      this.#runningInAll += 1;
      return first;
    }
    return undefined;
  }

  #withdraw(account: number, waiting: Waiting): void {
    const line = this.#waiting.get(account);
    if (line?.delete(waiting) !== true) return;
    this.#waitingInAll -= 1;
    if (line.size === 0) this.#waiting.delete(account);
  }

  #finish(account: number): void {
    const left = (this.#running.get(account) ?? 0) - 1;
    this.#runningInAll -= 1;
    if (left > 0) this.#running.set(account, left);
    else this.#running.delete(account);
  }
}
