/**
 * verity: decides which images may be mounted, and keeps the checked copies that are mounted in their place.
 * Privileges: none at all, and a user of its own; see privileges.ts.
 * Hears: allocator (image.verify), mounter (devices.state, signer.told), gateway (image.prepare, request.cancel, status.ask), polkit (authority.told).
 * Sends: mounter (image.attach, signer.ask), gateway (image.prepared, request.progress), polkit (authority.ask).
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
