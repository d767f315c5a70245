/** The first work of a new life: what the former one left half done. What ended meanwhile, the sweep finds. */
import type { Mesh } from '../../mesh/mesh.ts';
import { release } from './allocation.ts';
import type { Endings } from './endings.ts';
import type { Holding } from './events.ts';
import type { Namespaces } from './namespaces.ts';
import type { Registry } from './registry.ts';

/**
 * Settles every holding that is on record, but not known to be mapped. Where the kernel has no handles the namespace can't be looked
 * at: the holding stays until somebody passes the namespace again, or it is heard to be gone, or the machine is started anew.
 */
export function settleAll(mesh: Mesh<'allocator'>, registry: Registry, namespaces: Namespaces, endings: Pick<Endings, 'end'>): void {
  const open = [...registry.tree.holdings()].filter((holding) => !holding.mapped);
  for (const holding of open) settleOne(mesh, namespaces, endings, holding);
}

function settleOne(mesh: Mesh<'allocator'>, namespaces: Namespaces, endings: Pick<Endings, 'end'>, holding: Holding): void {
  const { namespace, guarded } = holding;
  const found = namespaces.open(holding);
  if (found === 'unknown') return;
  if (found === 'gone') {
    // Whether it was mapped before it ended, nobody can tell.
    endings.end(namespace);
    return;
  }
  using alive = found;
  const outcome = namespaces.settle(holding, alive);
  mesh.log.info({ namespace, outcome }, 'a former life left a range half given');
  if (outcome === 'undone' && guarded) release(mesh, namespace);
}
