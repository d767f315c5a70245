/** Makes a file system from a folder, with the tool that each kind has. */
import { execFile } from 'node:child_process';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Format } from '../commands/build.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

export interface FileSystemWish {
  readonly format: Format;
  /** absolute */
  readonly directory: string;
  /** absolute; not there yet */
  readonly output: string;
  readonly uuid: string;
  /** seconds since the epoch: of the file system, and of its files where it can't keep each its own */
  readonly time: number;
  readonly owners: 'keep' | 'root';
  readonly signal: AbortSignal;
}

/** The Debian package of each tool. */
const packages: Readonly<Record<string, string>> = {
  'mkfs.erofs': 'erofs-utils',
  mksquashfs: 'squashfs-tools',
  'mkfs.ext4': 'e2fsprogs',
  unshare: 'util-linux',
};

/** @throws {Failure} when the tool is not there or fails, with its own last words */
export async function makeFileSystem(wish: FileSystemWish): Promise<void> {
  await makers[wish.format](wish);
}

const makers: Readonly<Record<Format, (wish: FileSystemWish) => Promise<void>>> = {
  async erofs({ directory, output, uuid, time, owners, signal }) {
    const root = owners === 'root' ? ['--all-root'] : [];
    await run('mkfs.erofs', ['--quiet', `-T${time}`, `-U${uuid}`, ...root, output, directory], signal);
  },
  async squashfs({ directory, output, time, owners, signal }) {
    const root = owners === 'root' ? ['-all-root'] : [];
    await run('mksquashfs', [directory, output, '-noappend', '-quiet', '-no-progress', '-mkfs-time', `${time}`, ...root], signal);
  },
  async ext4(wish) {
    const { bytes, inodes } = await measure(wish.directory, wish.signal);
    // What a file system needs besides data depends on its tree: a first guess, then more.
    for (const factor of [1.05, 1.25, 2]) if (await tryExt4(wish, Math.ceil((bytes * factor) / 4096) + 512, inodes + 64)) return;
    throw new Failure({
      what: 'the folder does not fit the ext4 that was made for it',
      next: 'try --format erofs',
      exitCode: exitCodes.failed,
    });
  },
};

/** True when all fitted. The image is read-only: no journal, nothing reserved, no room to grow. */
async function tryExt4(wish: FileSystemWish, blocks: number, inodes: number): Promise<boolean> {
  const { directory, output, uuid, time, owners, signal } = wish;
  const options = ['-q', '-F', '-b', '4096', '-m', '0', '-N', `${inodes}`, '-O', '^has_journal,^resize_inode', '-U', uuid];
  const fixed = ['-E', `hash_seed=${uuid},root_owner=0:0,lazy_itable_init=0`];
  const command = ['mkfs.ext4', ...options, ...fixed, '-d', directory, output, `${blocks}`];
  // mkfs.ext4 has no option for owners. In a user namespace of ours, what we own is root's.
  const wrapped = owners === 'root' ? ['unshare', '--map-root-user', ...command] : command;
  const [tool = '', ...argv] = wrapped;
  try {
    await run(tool, argv, signal, { E2FSPROGS_FAKE_TIME: `${time}` });
    return true;
  } catch (thrown) {
    if (thrown instanceof Failure && /could not allocate|no space|could not write|extent block/i.test(thrown.complaint.why ?? ''))
      return false;
    throw thrown;
  }
}

/** What a tree takes in blocks of 4 KiB, with one for each folder and each long symbolic link. */
async function measure(directory: string, signal: AbortSignal): Promise<{ bytes: number; inodes: number }> {
  let bytes = 4 * 1024 * 1024;
  let inodes = 1;
  const folders = [directory];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for await (const entry of await opendir(folder)) {
      const path = join(folder, entry.name);
      inodes += 1;
      if (entry.isDirectory()) folders.push(path);
      const { size } = await lstat(path);
      bytes += Math.ceil(size / 4096) * 4096 + 256 + 64;
    }
  }
  return { bytes, inodes };
}

/** Administrators' tools are not on everybody's path. */
const path = `${process.env.PATH ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;

/** mksquashfs refuses to be told the time twice. */
const { SOURCE_DATE_EPOCH: _epoch, ...environment } = process.env;

function run(tool: string, argv: readonly string[], signal: AbortSignal, extra: Readonly<Record<string, string>> = {}): Promise<void> {
  const env = { ...environment, PATH: path, LC_ALL: 'C', ...extra };
  return new Promise((resolve, reject) => {
    execFile(tool, argv, { env, signal, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else if (signal.aborted) reject(signal.reason);
      else if (error.code === 'ENOENT') reject(missing(tool));
      else
        reject(
          new Failure({ what: `${tool} could not make the file system`, why: lastLines(stderr || stdout), exitCode: exitCodes.failed }),
        );
    });
  });
}

function missing(tool: string): Failure {
  return new Failure({
    what: `${tool} is not installed`,
    next: `install it: apt-get install ${packages[tool] ?? tool}`,
    exitCode: exitCodes.unavailable,
  });
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ');
}
