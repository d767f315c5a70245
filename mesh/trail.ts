/**
 * Where a request is, followed by what the stages announce (`request.handoff`). The stages' channels to the gateway are
 * independent, so announcements of different stages can arrive in any order; those of one stage arrive in theirs. Each is therefore
 * kept with its sender until the trail has reached that sender.
 */
import type { Node, ServiceName } from './protocol.ts';

/** A life of a stage. */
export interface Whereabouts {
  readonly stage: ServiceName;
  readonly generation: number;
}

export class Trail {
  readonly #ahead = new Map<Node, Whereabouts[]>();
  #at: Whereabouts;

  /** Begins at the gateway itself, in its own generation. */
  constructor(generation: number) {
    this.#at = { stage: 'gateway', generation };
  }

  /** Where the request is, as far as is known. */
  get at(): Whereabouts {
    return this.#at;
  }

  /** Takes in an announcement of `from`. */
  moved(from: Node, to: Whereabouts): void {
    const known = this.#ahead.get(from);
    if (known === undefined) this.#ahead.set(from, [to]);
    else known.push(to);
    for (let next = this.#next(); next !== undefined; next = this.#next()) this.#at = next;
  }

  #next(): Whereabouts | undefined {
    return this.#ahead.get(this.#at.stage)?.shift();
  }
}
