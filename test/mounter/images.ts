/** Small images of every file system, made once per run with the file systems' own tools. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const fileSystems = ['erofs', 'squashfs', 'ext4', 'xfs', 'btrfs'] as const;
export type FileSystemName = (typeof fileSystems)[number];

/** The smallest that mkfs.xfs makes; the file is sparse. */
const xfsBytes = 300 * 1024 * 1024;
const btrfsBytes = 128 * 1024 * 1024;
const ext4Bytes = 16 * 1024 * 1024;

/** Runs a program to its end. @throws with what it said where it fails */
export function run(command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

/** Prints who it runs as, then waits for the end of its input, so that others can look at it meanwhile. */
const whoAmI = `
#include <stdio.h>
#include <unistd.h>
int main(void) {
  char byte;
  printf("%u %u\\n", (unsigned)getuid(), (unsigned)geteuid());
  fflush(stdout);
  return read(0, &byte, 1) < 0;
}
`;

/**
 * What every image holds: a file of root's, a file of uid 1000's, `whoami` with the set-user-ID bit, `zero`, which is the device node of
 * /dev/zero, and 1 MiB of `data`.
 */
function fillTree(tree: string): void {
  mkdirSync(tree);
  chmodSync(tree, 0o755);
  writeFileSync(join(tree, 'greeting'), 'hello\n');
  writeFileSync(join(tree, 'note'), 'mine\n');
  chownSync(join(tree, 'note'), 1000, 1000);
  writeFileSync(join(tree, 'data'), Buffer.alloc(1024 * 1024, 'postern'));
  writeFileSync(`${tree}.c`, whoAmI);
  run('cc', '-static', '-O1', '-o', join(tree, 'whoami'), `${tree}.c`);
  chmodSync(join(tree, 'whoami'), 0o4755);
  run('mknod', '-m', '0666', join(tree, 'zero'), 'c', '1', '5');
}

/** An xfs protofile that copies the tree's regular files and the node. */
function xfsPrototype(tree: string): string {
  const entries = [
    `greeting ---644 0 0 ${join(tree, 'greeting')}`,
    `note ---644 1000 1000 ${join(tree, 'note')}`,
    `data ---644 0 0 ${join(tree, 'data')}`,
    `whoami -u-755 0 0 ${join(tree, 'whoami')}`,
    'zero c--666 0 0 1 5',
  ];
  return ['/stand/diag', '0 0', 'd--755 0 0', ...entries, '$', ''].join('\n');
}

function sized(path: string, bytes: number): string {
  writeFileSync(path, '');
  truncateSync(path, bytes);
  return path;
}

function make(name: FileSystemName, path: string, tree: string): void {
  switch (name) {
    case 'erofs':
      return void run('mkfs.erofs', '--quiet', path, tree);
    case 'squashfs':
      return void run('mksquashfs', tree, path, '-noappend', '-quiet', '-no-progress');
    case 'ext4':
      return void run('mkfs.ext4', '-q', '-d', tree, sized(path, ext4Bytes));
    case 'xfs':
      writeFileSync(`${path}.prototype`, xfsPrototype(tree));
      return void run('mkfs.xfs', '-q', '-p', `${path}.prototype`, sized(path, xfsBytes));
    case 'btrfs':
      return void run('mkfs.btrfs', '-q', '--rootdir', tree, sized(path, btrfsBytes));
  }
}

export interface Images extends Disposable {
  readonly folder: string;
  /** path of the image of a file system */
  readonly of: (name: FileSystemName) => string;
}

/** Makes images on first use, in a folder of their own. */
export function makeImages(): Images {
  const folder = mkdtempSync(join(tmpdir(), 'postern-mounter-'));
  chmodSync(folder, 0o755);
  const tree = join(folder, 'tree');
  fillTree(tree);
  const made = new Set<string>();
  return {
    folder,
    of(name) {
      const path = join(folder, `${name}.img`);
      if (!made.has(name)) make(name, path, tree);
      made.add(name);
      return path;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
