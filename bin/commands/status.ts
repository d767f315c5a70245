/** postern status: how the gateway and its services are. */
import { Command } from 'commander';
import { socketOption } from '../socket.ts';
import type { StatusOptions } from '../status/status.ts';

export function statusCommand(): Command {
  return new Command('status')
    .summary('show how the gateway and its services are')
    .description('Show how the gateway and its services are.')
    .option('--json', 'for programs: one JSON document')
    .addOption(socketOption())
    .addHelpText('after', '\nExamples:\n  postern status\n  postern status --json')
    .action(async (options: StatusOptions) => (await import('../status/status.ts')).status(options));
}
