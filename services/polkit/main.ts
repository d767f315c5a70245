/**
 * polkit: asks polkit over the system bus whether a caller may do what it asks for. Runs only where that is switched on.
 * Privileges: no capability, but uid 0, whom alone polkit answers about others; see privileges.ts.
 * Hears: gateway, allocator, verity (authority.ask), gateway (request.cancel, status.ask).
 * Sends: gateway, allocator, verity (authority.told).
 * When it dies: questions that were here fail with SERVICE_DIED, and with its place on the bus polkit drops them; nothing is remembered.
 */
import { runService } from '../../mesh/service.ts';
import { configSchema } from './config.ts';
import { privileges } from './privileges.ts';
import { startPolkit } from './start.ts';

await runService({ name: 'polkit', config: configSchema, privileges, start: startPolkit });
