/** Holdings for tests that have no kernel under them. */
import { type Holding, nothingYet } from '../../../services/allocator/events.ts';
import type { Registry } from '../../../services/allocator/registry.ts';

/** What a test cares about; the rest is made up. */
export type Asked = Partial<Pick<Holding, 'parent' | 'type' | 'unit' | 'owner' | 'target'>> & {
  readonly namespace: string;
  readonly delegated?: number;
};

/** Chooses ranges and records the holder, as a request does. */
export function hold(registry: Registry, asked: Asked): Holding {
  const { namespace, parent = null, type = 'managed', unit = 65536, owner = 1000, target = 0, delegated = 0 } = asked;
  const chosen = registry.choose({ parent, type, unit, delegated });
  const holding: Holding = {
    namespace,
    handle: null,
    name: namespace,
    owner,
    group: owner,
    parent,
    type,
    unit,
    target,
    mapForeign: false,
    ...nothingYet,
    ...chosen,
    delegated: [...chosen.delegated],
  };
  registry.hold(holding);
  return holding;
}
