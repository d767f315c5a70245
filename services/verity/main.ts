/**
 * verity: decides which images may be mounted, and keeps the checked copies that are mounted in their place.
 * Privileges: none at all, and a user of its own; see privileges.ts.
 * Hears: allocator (image.verify), mounter (devices.state), gateway (image.prepare, request.cancel, status.ask).
 * Sends: mounter (image.attach), gateway (image.prepared, request.progress).
 * When it dies: requests that were here fail with SERVICE_DIED; a copy under way vanishes, finished ones stay and are found again.
 */
import { runService } from '../../mesh/service.ts';
import { configSchema } from './config.ts';
import { privileges } from './privileges.ts';
import { startVerity } from './start.ts';

await runService({
  name: 'verity',
  config: configSchema,
  privileges,
  start: (mesh, config, clock) => startVerity(mesh, config, { clock }),
});
