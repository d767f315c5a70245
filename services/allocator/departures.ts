/**
 * What follows from the end of a namespace. Its interfaces go first: a tap that its owner made to last is open to the owner's ID,
 * whoever has that next. Only then does the range go back. Both may be tried any number of times.
 */
import type { Mesh } from '../../mesh/mesh.ts';
import { release } from './allocation.ts';
import type { Registry } from './registry.ts';

export class Departures {
  readonly #mesh: Mesh<'allocator'>;
  readonly #registry: Registry;
  /** those whose interfaces the network service is removing, as far as we know */
  readonly #asked = new Set<string>();

  constructor(mesh: Mesh<'allocator'>, registry: Registry) {
    this.#mesh = mesh;
    this.#registry = registry;
    // What it was doing nobody knows; the sweep has it done again.
    mesh.onPeerDown((peer) => {
      if (peer === 'network') this.#asked.clear();
    });
  }

  /** A namespace is gone, and so is all that lies in it. What can't be done or recorded now, the sweep tries again. */
  gone(namespace: string): void {
    this.#try(namespace, () => {
      if (this.#registry.leave(namespace)) return release(this.#mesh, namespace);
      for (const child of this.#registry.tree.childrenOf(namespace)) this.gone(child);
      const interfaces = this.#registry.tree.find(namespace)?.interfaces ?? [];
      if (interfaces.length === 0 || this.#asked.has(namespace)) return;
      this.#mesh.send('network', 'interfaces.remove', { namespace, interfaces });
      this.#asked.add(namespace);
    });
  }

  /** The network service went through the interfaces of a namespace; `complete`: none of them is left. */
  removed(namespace: string, complete: boolean): void {
    const { tree } = this.#registry;
    if (!this.#asked.delete(namespace) || !complete) return;
    if (tree.childrenOf(namespace).some((child) => tree.interfacesBelow(child).length > 0)) return;
    this.#try(namespace, () => {
      this.#registry.free(namespace);
      release(this.#mesh, namespace);
    });
  }

  #try(namespace: string, action: () => void): void {
    try {
      action();
    } catch (thrown) {
      this.#mesh.log.warn({ namespace, err: thrown }, 'a range could not be taken back yet');
    }
  }
}
