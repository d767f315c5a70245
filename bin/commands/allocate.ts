/** postern allocate: a namespace with a range of IDs, and nothing mounted. */
import { Command } from 'commander';
import type { AllocateOptions } from '../container/allocate.ts';
import { socketOption } from '../socket.ts';

const help = `
The command sees the host's files as before, and is root of 65536 IDs that nobody else has. When the last process in the namespace ends,
the range is given back.

Examples:
  postern allocate -- cat /proc/self/uid_map
  postern allocate --delegate 2 -- sh      with two more ranges, for containers inside`;

export function allocateCommand(): Command {
  return new Command('allocate')
    .summary('run a program as root of a range of IDs, with nothing mounted')
    .description('Run a program in a user namespace that has a transient range of IDs. Needs no privileges.')
    .argument('[command...]', 'the program and its arguments')
    .option('-d, --delegate <n>', 'further ranges, 1 to 16, for containers inside')
    .option('-n, --name <name>', 'how the namespace is called (default: made from your user id)')
    .addOption(socketOption())
    .passThroughOptions()
    .addHelpText('after', help)
    .action(async (command: string[], options: AllocateOptions) => (await import('../container/allocate.ts')).allocate(command, options));
}
