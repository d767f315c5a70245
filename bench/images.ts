/** What is mounted: signed images for the server, bare file systems of the same content for the floor. */
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
export const MiB = 1024 * 1024;

export type FileSystem = 'erofs' | 'squashfs';

/** A key, its certificate in a folder of its own, and a place for images. */
export interface ImageMaker {
  readonly trust: string;
  /** Makes a signed image of one file of random bytes. Returns its path. */
  signed(name: string, fileSystem: FileSystem, bytes: number): Promise<string>;
  /** Makes a bare file system. Returns its path. */
  bare(name: string, fileSystem: FileSystem, bytes: number): Promise<string>;
}

export async function imageMaker(postern: string, folder: string): Promise<ImageMaker> {
  const [trust, key] = [join(folder, 'trust'), join(folder, 'key.pem')];
  const certificate = join(trust, 'bench.crt');
  mkdirSync(trust);
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=bench'];
  await execute('openssl', [...request, '-keyout', key, '-out', certificate]);
  return {
    trust,
    async signed(name, fileSystem, bytes) {
      const image = join(folder, `${name}.raw`);
      const tree = makeTree(join(folder, `${name}.tree`), bytes);
      await execute(process.execPath, [postern, 'build', tree, image, '--key', key, '--cert', certificate, '--format', fileSystem]);
      return image;
    },
    async bare(name, fileSystem, bytes) {
      const image = join(folder, `${name}.${fileSystem}`);
      const tree = makeTree(join(folder, `${name}.bare`), bytes);
      if (fileSystem === 'erofs') await execute('mkfs.erofs', ['--quiet', image, tree]);
      else await execute('mksquashfs', [tree, image, '-noappend', '-quiet', '-no-progress']);
      return image;
    },
  };
}

/** Random bytes, so that no file system makes them fewer. */
function makeTree(folder: string, bytes: number): string {
  mkdirSync(folder);
  const file = openSync(join(folder, 'data'), 'w');
  const block = Buffer.alloc(MiB);
  for (let left = bytes; left > 0; left -= MiB) writeSync(file, randomFillSync(block), 0, Math.min(left, MiB));
  closeSync(file);
  return folder;
}
