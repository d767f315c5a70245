/** What this service answers: may this caller do that? */
import { closeAll } from '../../mesh/descriptors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { Node } from '../../mesh/protocol.ts';
import type { Authority } from './authority.ts';

const askers = ['gateway', 'allocator', 'verity'] as const;
function isAsker(node: Node): node is (typeof askers)[number] {
  return askers.some((asker) => asker === node);
}

export function polkitHandlers(mesh: Mesh<'polkit'>, authority: Authority): Handlers<'polkit'> {
  return {
    async 'authority.ask'(asked, descriptors, from) {
      const [process, directory] = descriptors;
      if (process === undefined || !isAsker(from)) throw new Error('a question without its process');
      const answer = await authority.answer(from, asked, process, directory).finally(() => closeAll(descriptors));
      mesh.send(from, 'authority.told', { request: asked.request, ask: asked.ask, ...answer });
    },

    'request.cancel'({ request }) {
      authority.cancel(request);
    },
  };
}
