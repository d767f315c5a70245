/**
 * network: makes the interfaces that connect namespaces to the host, and removes them when their namespace ended. Decides nothing.
 * Privileges: uid 0 with NET_ADMIN, in the host's network namespace, sees /dev/net/tun and nothing else; see privileges.ts.
 * Hears: allocator (interface.make, interfaces.remove), gateway (status.ask).
 * Sends: gateway (interface.made), allocator (interfaces.removed).
 * When it dies: requests that were here fail with SERVICE_DIED; interfaces stay, with a label that says whose they are, and are on
 * record at the allocator, which has its next life remove what belongs to nobody any more.
 */
import { Descriptor } from '../../mesh/descriptors.ts';
import { runService } from '../../mesh/service.ts';
import { native } from '../../native/index.ts';
import { configSchema } from './config.ts';
import { networkHandlers } from './handlers.ts';
import { Links } from './links.ts';
import { privileges } from './privileges.ts';
import { Removals } from './removals.ts';

await runService({
  name: 'network',
  config: configSchema,
  privileges,
  start(mesh) {
    const socket = new Descriptor(native.routeSocket());
    const links = new Links(native, socket.fd);
    const removals = new Removals({
      links,
      log: mesh.log,
      done: (namespace, complete) => mesh.send('allocator', 'interfaces.removed', { namespace, complete }),
    });
    let given = 0;
    const handlers = networkHandlers(mesh, { addon: native, links, removals, given: () => void given++ });
    return { handlers, status: () => ({ given, removed: removals.removed, leaving: removals.waiting }), stop: () => socket.close() };
  },
});
