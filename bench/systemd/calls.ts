/** What is asked of both servers, by the same client: bench/client/stock.c. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { mounts, namespaces } from '../../lab/systemd/servers.ts';
import { measure } from '../programs.ts';
import type { Run } from '../statistics.ts';

/** Every image of ours has this file, that begins so. */
export const probe = { file: 'probe', text: 'here' };

export interface Ground {
  /** the client */
  readonly stock: string;
  /** signed by somebody whom both servers trust, in a folder that nobody trusts */
  readonly signed: string;
  /** with nothing that vouches for it, in a folder whose images are trusted for where they lie */
  readonly trusted: string;
}

export interface Call {
  readonly name: string;
  run(ground: Ground, clients: number, each: number): Promise<Run>;
}

const image = ({ stock }: Ground, path: string, clients: number, each: number) =>
  measure(stock, ['image', namespaces, mounts, path, probe.file, probe.text, clients, each]);

export const calls: readonly Call[] = [
  {
    name: 'AllocateUserRange',
    run: ({ stock }, clients, each) => measure(stock, ['allocate', namespaces, clients, each]),
  },
  {
    name: 'MountDirectory',
    async run({ stock }, clients, each) {
      // plain memory: a file system that takes ID maps
      const folder = mkdtempSync(join('/home', 'directories-'));
      try {
        chmodSync(folder, 0o1777);
        return await measure(stock, ['directory', namespaces, mounts, folder, clients, each]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  },
  { name: 'MountImage, signed', run: (ground, clients, each) => image(ground, ground.signed, clients, each) },
  { name: 'MountImage, trusted directory', run: (ground, clients, each) => image(ground, ground.trusted, clients, each) },
];
