/** Signed images of the lab's own, and keys to sign them with. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeImage as makeFrom } from '../../bin/build/make-image.ts';

/** Larger than any read-ahead, so that parts of it are not in memory when they are changed. */
export const payloadBytes = 4 * 1024 * 1024;

export interface Signer {
  readonly key: string;
  readonly cert: string;
}

export function makeSigner(folder: string, name: string): Signer {
  const signer = { key: join(folder, `${name}.key`), cert: join(folder, `${name}.crt`) };
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', signer.key, '-out', signer.cert];
  execFileSync('openssl', [...request, '-subj', `/CN=${name}`, '-days', '30'], { stdio: 'ignore' });
  return signer;
}

/** An image with the file `payload`, which no two images have the same. */
export async function makeImage(folder: string, name: string, { key, cert }: Signer, bytes = payloadBytes): Promise<string> {
  const tree = join(folder, `${name}.tree`);
  mkdirSync(tree);
  writeFileSync(join(tree, 'payload'), randomBytes(bytes));
  const path = join(folder, `${name}.raw`);
  await makeFrom(tree, path, { key, cert, format: 'erofs', owners: 'root' }, () => undefined);
  chmodSync(path, 0o644);
  return path;
}
