/** What this service answers. Whose an interface is to be, the allocator has found out. */
import { closeAll } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { Addon } from '../../native/index.ts';
import { addInterface } from './addition.ts';
import { Tap, veth } from './kinds.ts';
import type { Links } from './links.ts';
import type { Removals } from './removals.ts';

export interface Parts {
  readonly addon: Pick<Addon, 'tunSetInterface' | 'tunSetOwner'>;
  readonly links: Links;
  readonly removals: Removals;
  /** hears of each interface that was given out */
  readonly given: () => void;
}

export function networkHandlers(mesh: Mesh<'network'>, { addon, links, removals, given }: Parts): Handlers<'network'> {
  return {
    'interface.make'(order, descriptors) {
      const [networkNamespace] = descriptors;
      if ((networkNamespace === undefined) !== (order.kind === 'tap')) throw new PosternError('INTERNAL');
      const making = networkNamespace === undefined ? new Tap(addon, links, order) : veth(links, order, networkNamespace);
      const made = addInterface(order, making, links, mesh.log);
      closeAll(descriptors);
      given();
      mesh.send('gateway', 'interface.made', { request: order.request, name: order.name, inner: order.inner }, made);
    },

    'interfaces.remove'(order) {
      removals.add(order);
    },
  };
}
