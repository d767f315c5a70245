/** postern run: a program inside disk images, as root of a transient range. */
import { Command, Option } from 'commander';
import type { RunOptions } from '../container/run.ts';
import { socketOption } from '../socket.ts';

const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value];

const help = `
The first image is the root of the container; a further one goes where its :PATH says. Its /proc, /dev, /tmp and /run are new, its
files are the image's, and nothing of the host is in sight but its network. The command runs as root of 65536 IDs that nobody else has.

Examples:
  postern run --image hello.raw -- cat /usr/share/hello/greeting
  postern run --image hello.raw -- sh
  postern run --image root.raw --image data.raw:/srv --env LEVEL=3 -- /usr/bin/server
  postern run --image root.raw --user 1000 -- id
  postern run --image secret.raw --password-file key.txt -- sh`;

export function runCommand(): Command {
  return new Command('run')
    .summary('run a program inside a disk image')
    .description('Run a program inside a disk image, with a transient range of IDs. Needs no privileges.')
    .argument('[command...]', 'the program and its arguments')
    .addOption(new Option('-i, --image <file[:path]>', 'a disk image, and where it goes').argParser(collect))
    .addOption(
      new Option('-e, --env <name=value>', 'set a variable for the command, or pass on one of yours by its name').argParser(collect),
    )
    .option('--password-file <file>', 'the password of images that are encrypted is the first line of this file; - for standard input')
    .option('-u, --user <uid[:gid]>', 'run the command as another ID of the range, 0 to 65535')
    .option('--hostname <name>', 'the host name inside (default: the name of the first image)')
    .option('--private-network', 'a network of its own with nothing but loopback, instead of the host’s')
    .addOption(socketOption())
    .passThroughOptions()
    .addHelpText('after', help)
    .action(async (command: string[], options: RunOptions) => (await import('../container/run.ts')).run(command, options));
}
