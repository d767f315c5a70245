/** What this service answers. */
import type { Handlers } from '../../mesh/mesh.ts';
import { belongingsHandlers } from './handlers/belongings.ts';
import { mountHandlers } from './handlers/mounts.ts';
import type { Parts } from './handlers/parts.ts';
import { rangeHandlers } from './handlers/ranges.ts';
import { findRecord } from './records.ts';

export function allocatorHandlers(parts: Parts): Handlers<'allocator'> {
  const { mesh, registry, namespaces, authority } = parts;
  return {
    ...rangeHandlers(parts),
    ...mountHandlers(parts),
    ...belongingsHandlers(parts),

    'authority.told'(answer) {
      authority.told(answer);
    },

    'record.find'({ request, ...wanted }) {
      mesh.send('gateway', 'record.found', { request, ...findRecord(registry.tree, wanted) });
    },

    'policy.state'({ enforcing, reason }) {
      parts.policy(enforcing, reason);
    },

    'namespace.gone'({ namespace }) {
      const holding = registry.tree.find(namespace);
      if (holding === undefined) return;
      if (namespaces.isGone(holding) === false) mesh.log.error({ namespace }, 'the lsm service says it is gone, the kernel that it lives');
      else parts.endings.end(namespace);
    },
  };
}
