/** From a service's privileges to the launcher's command line. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './child.ts';
import { PosternError } from './errors.ts';
import { type Privileges, userIds, type ViewEntry } from './privileges.ts';

/** A service's own folder: nobody else's business. */
const folderMode = 0o700;

/** Where a service sees its own program and Node. */
const programs = '/postern';
const node = '/node';

/** What of our own environment a service gets: how much it logs, and how. */
const inherited = ['POSTERN_LOG', 'POSTERN_LOG_LEVEL'];

export interface LaunchOptions {
  /** the folder with the launcher, the bundles and the addon */
  readonly dist: string;
  /** what `$NAME` in a view stands for */
  readonly folders: Readonly<Record<string, string>>;
}

/** Starts `dist/SERVICE.mjs` with no more than its privileges. Its channel to us is expected as descriptor 3. */
export function launchCommand(privileges: Privileges, { dist, folders }: LaunchOptions): Command {
  const id = String(userIds[privileges.user]);
  const view = privileges.view.flatMap((entry) => viewOptions(entry, folders));
  const args = [
    ...['--system', '--no-ipc', ...(privileges.network === 'host' ? [] : ['--no-network'])],
    ...['--bind', `${realpathSync(dist)}:${programs}`, '--bind', `${realpathSync(process.execPath)}:${node}`],
    ...view,
    ...['--uid', id, '--gid', id],
    ...capabilityOptions(privileges),
    ...['--keep-fd', '3'],
    ...inherited.flatMap((name) => (process.env[name] === undefined ? [] : ['--env', `${name}=${process.env[name]}`])),
    ...['--', node, `${programs}/${privileges.service}.mjs`],
  ];
  return { file: join(dist, 'launcher'), args, environment: {} };
}

/** The host's path of a view entry. Throws INTERNAL for a `$NAME` that nobody settled. */
export function hostPath({ source }: ViewEntry, folders: LaunchOptions['folders']): string {
  return source.replace(/^\$([A-Z]+)/, (_, name: string) => {
    const folder = folders[name];
    if (folder === undefined) throw new PosternError('INTERNAL', `no folder is known as $${name}`);
    return folder;
  });
}

/** Makes the folders that a service is to find, owned by its user. Throws where a path is taken by something else. */
export function prepareView({ user, view }: Privileges, folders: LaunchOptions['folders']): void {
  const id = userIds[user];
  for (const entry of view) {
    if (entry.create !== true) continue;
    const path = hostPath(entry, folders);
    mkdirSync(path, { recursive: true, mode: folderMode });
    if (!lstatSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
    chownSync(path, id, id);
    chmodSync(path, folderMode);
  }
}

const bindOptions = { 'read-only': '--bind', 'read-write': '--bind-rw', devices: '--dev-bind' } as const;

function viewOptions(entry: ViewEntry, folders: LaunchOptions['folders']): string[] {
  if (entry.access === 'proc') return ['--proc'];
  const source = hostPath(entry, folders);
  if (entry.optional === true && !existsSync(source)) return [];
  return [bindOptions[entry.access], `${source}:${entry.target ?? source}`];
}

function capabilityOptions({ capabilities }: Privileges): string[] {
  const list = (optional: boolean) =>
    capabilities
      .filter((kept) => (kept.optional ?? false) === optional)
      .map(({ capability }) => `cap_${capability.toLowerCase()}`)
      .join(',');
  const [needed, ifHeld] = [list(false), list(true)];
  return [...(needed === '' ? [] : ['--caps', needed]), ...(ifHeld === '' ? [] : ['--caps-if-held', ifHeld])];
}

/** Puts an empty folder in the place of a child's root: it can open no path from then on. Rejects where that did not work. */
export function emptyRoot(pid: number, { dist }: LaunchOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const helper = spawn(join(dist, 'launcher'), ['--empty-root', String(pid)], { stdio: ['ignore', 'inherit', 'inherit'], env: {} });
    helper.once('error', reject);
    helper.once('exit', (status) => (status === 0 ? resolve() : reject(new Error(`the launcher ended with ${status}`))));
  });
}
