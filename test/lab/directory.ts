/** MountDirectory under the policy: what a range may store through a directory that was mounted for it, and through one that was not mapped. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, closeSync, lstatSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { MountDirectoryOptions } from '../../client/client.ts';
import { connectAs } from '../support/connect-as.ts';
import { makeFileSystem } from './ground.ts';
import { checkLater } from './report.ts';
import { asOrdinaryUser, serve, socket, stop } from './server.ts';

const ground = '/home/directories';
const ordinary = 1000;
const foreign = 2147352576;

/** An ordinary user's process in a user namespace of its own. */
export async function startHolder(): Promise<ChildProcess> {
  const holder = spawn('setpriv', [...asOrdinaryUser, 'unshare', '--user', 'sh', '-c', 'echo; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (holder.stdout !== null) await once(holder.stdout, 'data');
  return holder;
}

function folder(name: string, owner: number, mode: number): string {
  const path = join(ground, name);
  mkdirSync(path);
  chmodSync(path, mode);
  chownSync(path, owner, owner);
  return path;
}

/** What root of the range gets for making a file in the mount of a directory. */
async function write(holder: ChildProcess, path: string, mode: NonNullable<MountDirectoryOptions['mode']>): Promise<string> {
  const client = connectAs(ordinary, socket);
  const directory = openSync(path, 'r');
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  try {
    using mount = await client.mountDirectory({ directory, userNamespace, mode });
    const enter = [`--user=/proc/${holder.pid}/ns/user`, '--setuid=0', '--setgid=0', 'sh', '-c', 'echo x > /proc/self/fd/3/new'];
    const { status, stderr } = spawnSync('nsenter', enter, { stdio: ['ignore', 'ignore', 'pipe', mount.fd], encoding: 'utf8' });
    return status === 0 ? 'written' : stderr.trim();
  } finally {
    closeSync(directory);
    closeSync(userNamespace);
    client.close();
  }
}

/** @param owner whom the new file belongs to outside */
async function isStored(holder: ChildProcess, path: string, owner: number): Promise<string | true> {
  const outcome = await write(holder, path, 'auto');
  if (outcome !== 'written') return outcome;
  const { uid, gid } = lstatSync(join(path, 'new'));
  return (uid === owner && gid === owner) || `it belongs to ${uid}:${gid}`;
}

export async function directories(): Promise<void> {
  makeFileSystem('ext4', ground);
  chownSync(ground, ordinary, ordinary);
  const parent = await serve({ state: '/home/directory-state' });
  const holder = await startHolder();
  const client = connectAs(ordinary, socket);
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  await client.allocate({ name: 'directories', userNamespace });
  await checkLater("through the mount of its user's directory a range stores, as that user", () =>
    isStored(holder, folder('own', ordinary, 0o700), ordinary),
  );
  await checkLater('through the mount of a directory of the foreign range it stores, as the foreign range', () =>
    isStored(holder, folder('foreign', foreign, 0o700), foreign),
  );
  await checkLater('through a mount without an ID map it stores nothing, anybody may write there or not', async () => {
    const open = folder('open', ordinary, 0o777);
    const outcome = await write(holder, open, 'identity');
    return (outcome.includes('Operation not permitted') && readdirSync(open).length === 0) || outcome;
  });
  closeSync(userNamespace);
  client.close();
  holder.kill('SIGKILL');
  await stop(parent);
}
