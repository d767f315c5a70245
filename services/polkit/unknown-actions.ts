/**
 * Actions of which polkit said that it does not know them, as that of systemd 257 does not know those of ranges: to ask again tells nothing new
 * until its list of actions changes. polkit tells of that; where it does not, the belief is not kept for long.
 */
import type { Action } from '../../mesh/authority.ts';
import type { Clock } from '../../mesh/clock.ts';

/** How long an action stays unknown that nobody told of. */
const keptMilliseconds = 10_000;

export class UnknownActions {
  readonly #clock: Clock;
  readonly #since = new Map<Action, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(action: Action): void {
    this.#since.set(action, this.#clock.now());
  }

  has(action: Action): boolean {
    const since = this.#since.get(action);
    return since !== undefined && this.#clock.now() - since < keptMilliseconds;
  }

  forget(): void {
    this.#since.clear();
  }
}
