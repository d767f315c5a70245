/** postern inspect: what an image holds, who signed it, and whether it would be let in. */
import { Command, Option } from 'commander';
import type { InspectOptions } from '../inspect/inspect.ts';

const help = `
Reads the image itself, with no need of a gateway or privileges, and checks all of its data against its signature. Signers are looked
up in the system's folders (/etc/verity.d and its kind) and in those given here, so that a gateway that was told of others may decide
otherwise.

Exit status: 0 when it would be let in, 77 when it is not to be trusted, 65 when it is no sound image.

Examples:
  postern inspect hello.raw
  postern inspect hello.raw --trust ./signers --json`;

export function inspectCommand(): Command {
  return new Command('inspect')
    .summary('show what an image holds, who signed it, and the verdict')
    .description('Show what an image holds, who signed it, and whether it would be let in.')
    .argument('<file>', 'a disk image')
    .addOption(
      new Option('--trust <dir>', 'a further folder of *.crt to look for the signer in; may be repeated').argParser(
        (value: string, before: string[] | undefined) => [...(before ?? []), value],
      ),
    )
    .option('--image-policy <policy>', 'a further policy to hold it against, such as root=signed:=ignore')
    .option('--json', 'for programs: one JSON document')
    .addHelpText('after', help)
    .action(async (file: string, options: InspectOptions) => (await import('../inspect/inspect.ts')).inspect(file, options));
}
