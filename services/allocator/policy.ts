/** What the lsm service says about the kernel, and what follows from it for the ranges. */
import type { Mesh } from '../../mesh/mesh.ts';
import type { Registry } from './registry.ts';

/** Freed ranges are given out again, or never. */
export type Mode = 'recycling' | 'never-twice';

export class PolicyWatch {
  readonly #mesh: Mesh<'allocator'>;
  readonly #registry: Registry;
  #reason = 'the lsm service has not spoken yet';

  constructor(mesh: Mesh<'allocator'>, registry: Registry) {
    this.#mesh = mesh;
    this.#registry = registry;
  }

  get mode(): Mode {
    return this.#registry.tree.policy === 'enforced' ? 'recycling' : 'never-twice';
  }

  get reason(): string {
    return this.#reason;
  }

  /** From here on the namespaces to come are guarded, or none is, those that are there included. */
  hear(enforcing: boolean, reason: string): void {
    const again = enforcing === (this.#registry.tree.policy === 'enforced') && reason === this.#reason;
    this.#reason = reason;
    if (again) return;
    this.#registry.setPolicy(enforcing ? 'enforced' : 'off');
    if (enforcing)
      this.#mesh.log.info({ mode: this.mode, reason }, 'the policy is in force: ranges are recycled when their namespace ends');
    else this.#mesh.log.warn({ mode: this.mode, reason }, 'NEVER-TWICE MODE: no range is used again, so the pool will be used up one day');
  }
}
