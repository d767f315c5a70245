/** The command line. Each command declares itself in commands/; what it does is loaded only when it is called. */
import { Command, CommanderError } from 'commander';
import packageFile from '../package.json' with { type: 'json' };
import { allocateCommand } from './commands/allocate.ts';
import { buildCommand } from './commands/build.ts';
import { doctorCommand } from './commands/doctor.ts';
import { inspectCommand } from './commands/inspect.ts';
import { runCommand } from './commands/run.ts';
import { serveCommand } from './commands/serve.ts';
import { statusCommand } from './commands/status.ts';
import { report } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

const examples = `
Examples:
  postern run --image hello.raw -- cat /etc/os-release      a program out of a signed image
  postern run --image root.raw --image data.raw:/srv -- sh  with a second image at /srv
  postern allocate -- cat /proc/self/uid_map                a range of IDs, and nothing else
  postern inspect hello.raw                                 what it holds, who signed it, would it be let in
  sudo postern serve --trust /etc/my-signers                let images in that these signers made

Exit status: 0 done · 1 failed · 2 wrong usage · 65 bad image · 66 no such file · 69 gateway not there · 70 a bug · 71 system
  73 can't create · 75 try again later · 77 refused · 78 bad configuration. \`run\` and \`allocate\` end as their command did, with
  128 + N where signal N ended it; 127 where it was not found, 126 where it can't be run.

Start here: postern doctor`;

function commandLine(): Command {
  const program = new Command('postern')
    .description('A small guarded gate that lets disk images into unprivileged containers.')
    .version(packageFile.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', examples)
    .enablePositionalOptions()
    .showSuggestionAfterError();
  const commands = [runCommand, allocateCommand, buildCommand, inspectCommand, serveCommand, statusCommand, doctorCommand];
  for (const command of commands) program.addCommand(command());
  program.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'postern: ')) });
  for (const command of [program, ...program.commands]) {
    command
      .exitOverride()
      .copyInheritedSettings(program)
      .showHelpAfterError(`  next  ${nameOf(command)} --help`);
  }
  return program;
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

async function main(): Promise<number> {
  try {
    await commandLine().parseAsync();
    return Number(process.exitCode ?? exitCodes.ok);
  } catch (thrown) {
    // help and version end by an exception too, with 0; commander has said already what is wrong with anything else
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return report(thrown);
  }
}

// a reader that has seen enough, such as `head`, is no error
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? exitCodes.ok : exitCodes.failed));
process.exitCode = await main();
