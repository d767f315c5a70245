/** The parent of all services: from the operator's settings to a running whole, and back to nothing. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../mesh/clock.ts';
import { createLog, type Logger } from '../../mesh/log.ts';
import type { ServiceOptions } from '../../mesh/supervised.ts';
import { Supervisor } from '../../mesh/supervisor.ts';
import packageFile from '../../package.json' with { type: 'json' };
import { privileges as allocator, trustedDirectory, trustedView } from '../../services/allocator/privileges.ts';
import { privileges as gateway } from '../../services/gateway/privileges.ts';
import { privileges as lsm } from '../../services/lsm/privileges.ts';
import { privileges as mounter } from '../../services/mounter/privileges.ts';
import { trustView, privileges as verity } from '../../services/verity/privileges.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { say } from '../output.ts';
import { defaultSocket } from '../socket.ts';
import { defaultState } from '../state.ts';
import { holdState, makeSocket, makeState, type OwnSocket, plainPath } from './folders.ts';
import { type Links, placeLinks } from './links.ts';
import { notify, passedListener } from './notify.ts';
import { furtherTrust, readSettings, type Settings } from './settings.ts';
import { checkTrust, usableDirectories } from './trust.ts';

export interface ServeOptions {
  readonly socket: string;
  readonly state?: string;
  readonly config?: string;
  readonly trust?: string[];
  /** put links where clients of systemd's daemons look */
  readonly systemd?: boolean;
  /** and move aside who is heard there */
  readonly force?: boolean;
}

/** All that runs lies in one folder: this bundle, the services' bundles, the addon, the launcher. */
const dist = dirname(fileURLToPath(import.meta.url));

/** @param directories those of trusted images */
function services(settings: Settings, directories: readonly string[]): ServiceOptions[] {
  const looking = { ...allocator, view: [...allocator.view, ...trustedView(directories)] };
  const trusting = { ...verity, view: [...verity.view, ...trustView(furtherTrust(settings))] };
  const { pools, single_pools } = settings.allocator;
  return [
    { privileges: gateway, config: { ...settings.gateway, version: packageFile.version } },
    {
      privileges: looking,
      config: { ...settings.allocator, trusted_directories: directories.map((_, index) => trustedDirectory(index)) },
    },
    { privileges: trusting, config: settings.verity },
    { privileges: mounter, config: settings.mounter },
    // what must not outlive its namespace is what the allocator gives out
    { privileges: lsm, config: { ...settings.lsm, transient: [...single_pools, ...pools] } },
  ];
}

/** The file's settings, with the command line's over them, and paths made absolute. */
function settled({ config, trust = [], ...options }: ServeOptions): { settings: Settings; socket: string; state: string } {
  const settings = readSettings(config);
  const socket = options.socket === defaultSocket ? (settings.socket ?? defaultSocket) : options.socket;
  const folders = [...settings.verity.trust, ...trust].map((folder) => plainPath(folder, '--trust'));
  const { routes } = settings.verity;
  const directories = routes.trusted_directories.map((directory) => plainPath(directory, 'verity.routes.trusted_directories'));
  return {
    settings: {
      ...settings,
      verity: { ...settings.verity, trust: [...new Set(folders)], routes: { ...routes, trusted_directories: [...new Set(directories)] } },
    },
    socket: plainPath(socket, '--socket'),
    state: plainPath(options.state ?? settings.state ?? defaultState, '--state'),
  };
}

function ownSocket(path: string): OwnSocket {
  const passed = passedListener();
  return passed === undefined ? makeSocket(path) : { ...passed, remove: () => {} };
}

function linksFor(path: string, { systemd = false, force = false }: ServeOptions, log: Logger): Links | undefined {
  if (!systemd) return undefined;
  const links = placeLinks(path, { force });
  log.info({ places: links.places }, 'clients of systemd’s daemons find us');
  return links;
}

/** Runs until a signal or a service that keeps dying ends it. */
async function attend(supervisor: Supervisor, path: string, log: Logger): Promise<number> {
  let asked: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    if (asked !== undefined) return;
    asked = signal;
    notify('STOPPING=1');
    log.info({ signal }, 'stopping');
    void supervisor.stop();
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  // a closed terminal ends it, as it ends other programs
  process.on('SIGHUP', stop);

  const started = await supervisor.start().then(
    () => true,
    () => false,
  );
  if (started && asked === undefined) {
    log.info({ socket: path }, 'ready');
    say(path);
    notify('READY=1', `STATUS=Listening on ${path}`);
  }
  const outcome = await supervisor.done;
  if (outcome === 'stopped' && asked !== undefined) return exitCodes.ok;
  log.fatal('a service kept dying: ended rather than serving without it');
  return exitCodes.unavailable;
}

export async function serve(options: ServeOptions): Promise<void> {
  if (options.force === true && options.systemd !== true) {
    throw new Failure({
      what: '--force says how --systemd goes about it',
      next: 'postern serve --systemd --force',
      exitCode: exitCodes.usage,
    });
  }
  const { settings, socket, state } = settled(options);
  if (process.getuid?.() !== 0) {
    const why = 'it makes mounts and writes ID maps; each of its services then gives up what it does not need';
    throw new Failure({ what: '`postern serve` must be started by root', why, next: 'sudo postern serve', exitCode: exitCodes.refused });
  }
  // what is made here says itself who may use it
  process.umask(0o022);
  if (process.stderr.isTTY) process.env.POSTERN_LOG ??= 'text';
  const log = createLog('parent');
  for (const folder of furtherTrust(settings)) checkTrust(folder, log);

  const directories = usableDirectories(settings.verity.routes.trusted_directories, log);

  const parts = services(settings, directories);
  const folder = makeState(
    state,
    parts.map(({ privileges }) => privileges),
  );
  using _held = holdState(folder);
  const { listener, path, remove } = ownSocket(socket);
  using _listener = listener;
  let links: Links | undefined;
  try {
    // callers wait in the socket's queue until the gateway is ready
    links = linksFor(path, options, log);
    const supervisor = new Supervisor({ services: parts, listener, log, clock: systemClock, dist, folders: { STATE: folder } });
    process.exitCode = await attend(supervisor, path, log);
  } finally {
    try {
      links?.remove();
    } finally {
      remove();
    }
  }
}
