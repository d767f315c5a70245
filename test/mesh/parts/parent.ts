/** A parent of its own process, for tests that kill it: starts the services, says their process ids, and waits. */
import { dirname, join } from 'node:path';
import { systemClock } from '../../../mesh/clock.ts';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { createLog } from '../../../mesh/log.ts';
import { services } from '../../../mesh/protocol.ts';
import { Supervisor } from '../../../mesh/supervisor.ts';
import { native } from '../../../native/index.ts';
import { parts } from './parts.ts';

const dist = dirname(process.argv[1] ?? '');
const supervisor = new Supervisor({
  services: services.map((name) => ({ privileges: parts[name].privileges, config: {} })),
  listener: new Descriptor(native.listen(join(dist, 'parent.socket'), 0o600, 1)),
  log: createLog('parent'),
  clock: systemClock,
  dist,
});
await supervisor.start();
process.stdout.write(JSON.stringify(supervisor.census().map(({ pid }) => pid)));
