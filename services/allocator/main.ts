/**
 * allocator: owns which namespace holds which IDs, and the only hand that writes ID maps.
 * Privileges: SETUID and SETGID (maps, directories), SYS_ADMIN (setns), SYS_PTRACE (where does the caller run), DAC_READ_SEARCH and CHOWN
 * (callers' directories and control groups); see privileges.ts.
 * Hears: gateway (range.allocate, namespace.register, mount.add, control-group.add, interface.add, record.find, image.mount,
 * directory.mount, directory.make, status.ask), lsm (range.restricted, control-group.permitted, policy.state, namespace.gone), network (interfaces.removed),
 * polkit (authority.told).
 * Sends: gateway (range.allocated, directory.made, mount.added, control-group.added, record.found), lsm (range.restrict, mount.admit,
 * control-group.permit, namespace.release), verity (image.verify), mounter (directory.attach), network (interface.make, interfaces.remove),
 * polkit (authority.ask).
 * When it dies: requests that were here fail with SERVICE_DIED; the journal knows every holder, so no ID gets a second one.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runService } from '../../mesh/service.ts';
import { startAllocator } from './allocator.ts';
import { configSchema } from './config.ts';
import { privileges } from './privileges.ts';

const helper = join(dirname(fileURLToPath(import.meta.url)), 'helper');

await runService({
  name: 'allocator',
  config: configSchema,
  privileges,
  start: (mesh, config, clock) => startAllocator(mesh, config, helper, { clock }),
});
