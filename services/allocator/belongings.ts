/** What namespaces have besides IDs: whose each control group is, and how many network interfaces each user has. The range tree keeps it. Pure. */
import type { Holding } from './events.ts';

type Owned = Pick<Holding, 'namespace' | 'owner' | 'interfaces' | 'controlGroups'>;

export class Belongings {
  readonly #groups = new Map<string, string>();
  readonly #interfaces = new Map<number, number>();

  /** The namespace that a control group was given to. */
  holderOfControlGroup(controlGroup: string): string | undefined {
    return this.#groups.get(controlGroup);
  }

  /** How many network interfaces the namespaces of a user have. */
  interfacesOf(owner: number): number {
    return this.#interfaces.get(owner) ?? 0;
  }

  /** @throws Error where a control group would have two holders */
  add({ namespace, owner, interfaces, controlGroups }: Owned): void {
    for (const group of controlGroups) {
      if (this.#groups.has(group)) throw new Error(`control group ${group} would have had two holders`);
      this.#groups.set(group, namespace);
    }
    this.#count(owner, interfaces.length);
  }

  remove({ owner, interfaces, controlGroups }: Owned): void {
    for (const group of controlGroups) this.#groups.delete(group);
    this.#count(owner, -interfaces.length);
  }

  #count(owner: number, more: number): void {
    const sum = this.interfacesOf(owner) + more;
    if (sum === 0) this.#interfaces.delete(owner);
    else this.#interfaces.set(owner, sum);
  }
}
