/**
 * What a namespace's end sets off: its control groups, and those of all that lay in it, are taken back first, and only then is its range
 * anybody's again. Where this life ends in between, the next one finds the namespace still on record, and begins anew.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { forget } from './allocation.ts';
import type { ControlGroups } from './control-groups.ts';
import type { Registry } from './registry.ts';

/** What the kernel refuses now (no descriptor, no memory), it may do later. */
const retryMs = 1_000;

export interface EndingParts {
  readonly mesh: Mesh<'allocator'>;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly groups: Pick<ControlGroups, 'takeBack'>;
}

export class Endings {
  readonly #parts: EndingParts;
  readonly #underWay = new Set<string>();
  readonly #retries = new Set<Timer>();
  /** One tree at a time: one may lie in another. */
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: EndingParts) {
    this.#parts = parts;
  }

  /** For a namespace on record that is gone. A second time is nothing. */
  end(namespace: string): void {
    const { mesh, registry } = this.#parts;
    if (this.#underWay.has(namespace)) return;
    const groups = [...registry.tree.controlGroupsOf(namespace)];
    if (groups.length === 0) {
      forget(mesh, registry, namespace);
      return;
    }
    this.#underWay.add(namespace);
    this.#last = this.#last.then(() => this.#takeBack(namespace, groups));
  }

  /** After this nothing is recorded any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#retries) timer.cancel();
  }

  async #takeBack(namespace: string, groups: readonly string[]): Promise<void> {
    const { mesh, clock, registry } = this.#parts;
    try {
      for (const group of groups) {
        if (this.#stopped) return;
        const { removed, kept } = await this.#parts.groups.takeBack(group);
        if (kept > 0) mesh.log.warn({ namespace, group, removed, kept }, 'control groups are still in use: they are root’s now');
      }
      if (this.#stopped) return;
      this.#underWay.delete(namespace);
      // It may have gone with one that it lay in.
      if (registry.tree.find(namespace) !== undefined) forget(mesh, registry, namespace);
    } catch (err) {
      mesh.log.error({ namespace, err }, 'a control group could not be taken back yet, so its range stays with it');
      const timer = clock.after(retryMs, () => {
        this.#retries.delete(timer);
        this.#underWay.delete(namespace);
        if (registry.tree.find(namespace) !== undefined) this.end(namespace);
      });
      this.#retries.add(timer);
    }
  }
}
