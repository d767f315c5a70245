/** The ground that attacks are tried on: a lasting file system of the host's, with a folder for each attack in which it has what it needs. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, lchownSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

/** An ext4 of its own on a loop device, or a tmpfs, which the host mounts at `folder`. */
export function makeFileSystem(kind: 'ext4' | 'tmpfs', folder: string, features: readonly string[] = []): void {
  mkdirSync(folder);
  if (kind === 'tmpfs') run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'lasting', folder);
  else {
    run('mkfs.ext4', '-q', '-O', '^has_journal', ...features, `${folder}.image`, '64M');
    run('mount', '-o', 'loop', `${folder}.image`, folder);
  }
}

/** @param owner who the attacker is on this file system */
export function prepare(folder: string, names: readonly string[], owner: number): void {
  mkdirSync(folder);
  for (const name of names) {
    const at = join(folder, name.replaceAll('/', '_'));
    mkdirSync(at);
    chmodSync(at, 0o777);
    writeFileSync(join(at, 'given'), 'given');
    chmodSync(join(at, 'given'), 0o666);
    writeFileSync(join(at, 'mine'), 'mine');
    chownSync(join(at, 'mine'), owner, owner);
    symlinkSync('mine', join(at, 'minelink'));
    copyFileSync('/usr/bin/id', join(at, 'suid'));
    chmodSync(join(at, 'suid'), 0o4755);
    lchownSync(join(at, 'minelink'), owner, owner);
    for (const own of ['minefolder', 'minework']) {
      mkdirSync(join(at, own));
      chownSync(join(at, own), owner, owner);
    }
  }
}

const prepared = new Set(['given', 'mine', 'minelink', 'minefolder', 'minework', 'suid']);

/** What lies in the folders that `prepare` did not put there and that belongs to an ID of the range. */
export function leftBehind(folder: string, base: number, length = 65536): string[] {
  const inRange = (id: number) => id >= base && id < base + length;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => {
    const { uid, gid } = lstatSync(join(folder, path));
    return (inRange(uid) || inRange(gid)) && !prepared.has(path.split('/').at(-1) ?? '');
  });
}
