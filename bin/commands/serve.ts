/** postern serve: the gateway and its services, in the foreground. */
import { Command, Option } from 'commander';
import type { ServeOptions } from '../serve/serve.ts';
import { socketOption } from '../socket.ts';
import { defaultState } from '../state.ts';

const help = `
Prints one line, the path of its socket, when it is ready, and tells the service manager too where there is one (sd_notify). Takes its
socket from it where that passes one (socket activation). Logs to stderr: text on a terminal, JSON lines elsewhere; POSTERN_LOG=json
or text decides, POSTERN_LOG_LEVEL=debug tells more. Ends on SIGTERM and SIGINT, and leaves nothing behind.

Examples:
  sudo postern serve
  sudo postern serve --trust ./signers --socket /tmp/p/postern.sock --state /tmp/p/state
  sudo postern serve --systemd
  sudo postern serve --config /etc/postern/postern.toml`;

export function serveCommand(): Command {
  return new Command('serve')
    .summary('serve: the gateway and its services (as root)')
    .description('Serve the gateway and its services in the foreground. Needs root; each service gives away what it does not need.')
    .addOption(socketOption())
    .option('--state <dir>', `where ranges are recorded and verified images kept (default: "${defaultState}")`)
    .option('--config <file>', 'settings, as TOML; packaging/postern.toml shows them all')
    .addOption(
      new Option('--trust <dir>', 'a further folder of *.crt whose makers’ images are let in; may be repeated').argParser(
        (value: string, before: string[] | undefined) => [...(before ?? []), value],
      ),
    )
    .option('--systemd', 'be found where clients of systemd-nsresourced and systemd-mountfsd look (docs/systemd.md)')
    .option('--force', 'with --systemd: move aside who is heard there, until Postern ends')
    .addHelpText('after', help)
    .action(async (options: ServeOptions) => (await import('../serve/serve.ts')).serve(options));
}
