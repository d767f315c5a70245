/** The gateway of the test build: Postern's own, and with it the certification course. */
import { runService } from '../../mesh/service.ts';
import { configSchema } from '../../services/gateway/config.ts';
import { startGateway } from '../../services/gateway/gateway.ts';
import { privileges } from '../../services/gateway/privileges.ts';
import { certification } from './methods.ts';

await runService({
  name: 'gateway',
  config: configSchema,
  privileges,
  start: (mesh, config, clock) => startGateway(mesh, config, clock, certification()),
});
