/**
 * gateway: the only process that hears strangers. Varlink framing, who is calling, limits, validation, deadlines, and each request's life.
 * Privileges: none; a user of its own, and a root that is emptied once it is ready; see privileges.ts.
 * Hears: clients (Varlink), all stages (request.handoff, request.failed, answers), the parent (mesh.listen, mesh.census).
 * Sends: allocator (range.allocate, interface.add, image.mount), verity (image.prepare), polkit (authority.ask), both (request.cancel), all
 * stages (status.ask).
 * When it dies: its clients' connections end, and what was under way for them is closed with the answers that nobody hears.
 */
import { runService } from '../../mesh/service.ts';
import { configSchema } from './config.ts';
import { startGateway } from './gateway.ts';
import { privileges } from './privileges.ts';

await runService({ name: 'gateway', config: configSchema, privileges, start: startGateway });
