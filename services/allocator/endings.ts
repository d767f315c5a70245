/**
 * What a namespace's end sets off. Its control groups are taken back and its interfaces removed first, since both are open to the owner's
 * ID, whoever has that next; only then does its range go back. All of it may be tried any number of times: where this life, or the
 * network service's, ends in between, the namespace is still on record as ended, and the sweep begins anew.
 */
import type { Clock, Timer } from '../../mesh/clock.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { release } from './allocation.ts';
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

type Progress = 'left' | 'under way' | 'gone';

/** How far it is with what a namespace had. */
interface Ending {
  interfaces: Progress;
  groups: Progress;
}

export class Endings {
  readonly #parts: EndingParts;
  readonly #underWay = new Map<string, Ending>();
  readonly #retries = new Set<Timer>();
  /** One tree at a time: one may lie in another. */
  #last: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(parts: EndingParts) {
    this.#parts = parts;
    parts.mesh.onPeerDown((peer) => {
      if (peer === 'network') this.#networkDied();
    });
  }

  /** A namespace on record is gone, and so is all that lies in it. What is under way already is not begun twice. */
  end(namespace: string): void {
    const { mesh, registry } = this.#parts;
    this.#try(namespace, () => {
      if (registry.leave(namespace)) return release(mesh, namespace);
      for (const child of registry.tree.childrenOf(namespace)) this.end(child);
      const { interfaces, controlGroups } = registry.tree.get(namespace);
      const ending = this.#endingOf(namespace);
      if (ending.interfaces === 'left') {
        mesh.send('network', 'interfaces.remove', { namespace, interfaces });
        ending.interfaces = 'under way';
      }
      if (ending.groups === 'left') {
        ending.groups = 'under way';
        this.#last = this.#last.then(() => this.#takeBack(namespace, controlGroups, ending));
      }
      this.#freeWhenBare(namespace);
    });
  }

  /** The network service went through the interfaces of a namespace; `complete`: none of them is left. */
  removed(namespace: string, complete: boolean): void {
    const ending = this.#underWay.get(namespace);
    if (ending?.interfaces !== 'under way') return;
    ending.interfaces = complete ? 'gone' : 'left';
    this.#try(namespace, () => this.#freeWhenBare(namespace));
  }

  /** After this nothing is recorded any more. */
  stop(): void {
    this.#stopped = true;
    for (const timer of this.#retries) timer.cancel();
  }

  #endingOf(namespace: string): Ending {
    const known = this.#underWay.get(namespace);
    if (known !== undefined) return known;
    const { interfaces, controlGroups } = this.#parts.registry.tree.get(namespace);
    const ending: Ending = {
      interfaces: interfaces.length > 0 ? 'left' : 'gone',
      groups: controlGroups.length > 0 ? 'left' : 'gone',
    };
    this.#underWay.set(namespace, ending);
    return ending;
  }

  async #takeBack(namespace: string, groups: readonly string[], ending: Ending): Promise<void> {
    const { mesh } = this.#parts;
    try {
      for (const group of groups) {
        if (this.#stopped) return;
        const { removed, kept } = await this.#parts.groups.takeBack(group);
        if (kept > 0) mesh.log.warn({ namespace, group, removed, kept }, 'control groups are still in use: they are root’s now');
      }
      if (this.#stopped) return;
      ending.groups = 'gone';
      this.#try(namespace, () => this.#freeWhenBare(namespace));
    } catch (err) {
      mesh.log.error({ namespace, err }, 'a control group could not be taken back yet, so its range stays with it');
      this.#later(() => {
        ending.groups = 'left';
        this.end(namespace);
      });
    }
  }

  /** Frees it as soon as nothing of it, nor of what lay in it, is left; then whoever it lay in may be next. */
  #freeWhenBare(namespace: string): void {
    const { mesh, registry } = this.#parts;
    const ending = this.#underWay.get(namespace);
    if (ending?.interfaces !== 'gone' || ending.groups !== 'gone' || registry.tree.childrenOf(namespace).length > 0) return;
    const { parent } = registry.tree.get(namespace);
    registry.free(namespace);
    this.#underWay.delete(namespace);
    release(mesh, namespace);
    if (parent !== null) this.#freeWhenBare(parent);
  }

  /** What it was doing nobody knows; the sweep has it done again. */
  #networkDied(): void {
    for (const ending of this.#underWay.values()) if (ending.interfaces === 'under way') ending.interfaces = 'left';
  }

  #later(action: () => void): void {
    const timer = this.#parts.clock.after(retryMs, () => {
      this.#retries.delete(timer);
      action();
    });
    this.#retries.add(timer);
  }

  /** What can't be done or recorded now, the sweep tries again. */
  #try(namespace: string, action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#parts.mesh.log.warn({ namespace, err: thrown }, 'a range could not be taken back yet');
    }
  }
}
