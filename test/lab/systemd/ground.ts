/** What the calls are about: the user's images, directories and archive, and the makers who are trusted. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { ordinary } from './ask.ts';
import type { Suite } from './case.ts';

export interface Ground {
  readonly suite: Suite;
  /** who answers */
  readonly server: 'originals' | 'Postern';
}

export const home = '/home/lab';
export const signed = `${home}/signed.raw`;
export const stranger = `${home}/stranger.raw`;
export const bare = `${home}/bare.raw`;
export const garbage = `${home}/garbage.raw`;
export const hello = `${home}/hello.raw`;
export const tree = `${home}/tree`;
export const archive = `${home}/tree.tar`;

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

function unzip(from: string, to: string): void {
  writeFileSync(to, gunzipSync(readFileSync(from)));
}

/**
 * @param made what lab/systemd/prepare.mjs left
 * @param shared images of another tool's making, where they are there; else an image of our own stands for them
 */
export function prepareGround(made: string, shared: string): void {
  mkdirSync('/etc/verity.d', { recursive: true });
  copyFileSync(join(made, 'maker.crt'), '/etc/verity.d/maker.crt');
  for (const path of [signed, stranger, bare, archive]) copyFileSync(path.replace(home, made), path);
  if (existsSync(join(shared, 'hello.raw.gz'))) {
    unzip(join(shared, 'hello.raw.gz'), hello);
    copyFileSync(join(shared, 'hello-signer.crt'), '/etc/verity.d/hello.crt');
  } else copyFileSync(signed, hello);
  writeFileSync(garbage, 'no image\n'.repeat(4096));
  run('cp', '-a', join(made, 'tree'), tree);
  mkdirSync(`${home}/empty`);
  run('chown', '-R', `${ordinary}:${ordinary}`, home);
  mkdirSync('/home/other');
  chmodSync('/home/other', 0o777);
  writeFileSync('/home/seen', '');
}
