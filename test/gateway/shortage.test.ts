/** A gateway that runs short of descriptors: it says so, goes on, and serves again when there are some. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { native } from '../../native/index.ts';
import { Client, type Got, info } from './harness.ts';

const here = dirname(fileURLToPath(import.meta.url));
/** Node itself has about twenty open. */
const descriptors = 60;

let folder: string;
let gateway: ChildProcess;
let path: string;
let file: number;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-scarce-'));
  const addon = [join(here, '../../native/build/Release/postern.node'), join(here, '../../dist/postern.node')].find(existsSync);
  if (addon === undefined) throw new Error('the native addon is not built');
  copyFileSync(addon, join(folder, 'postern.node'));
  const outfile = join(folder, 'gateway.mjs');
  const banner = { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" };
  buildSync({ entryPoints: [join(here, 'scarce.ts')], outfile, bundle: true, platform: 'node', format: 'esm', banner, logLevel: 'error' });
  const child = spawn('prlimit', [`--nofile=${descriptors}:${descriptors}`, process.execPath, outfile], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  gateway = child;
  const [line] = await once(child.stdout, 'data');
  path = String(line).trim();
  file = openSync('/dev/null', 'r');
});
afterAll(async () => {
  native.close(file);
  const ended = once(gateway, 'exit');
  gateway.stdin?.end();
  expect(await ended).toEqual([0, null]);
  rmSync(folder, { recursive: true });
});

async function answers(client: Client): Promise<Got> {
  client.send(info);
  return client.next();
}

/** A next client is served, once the gateway has noticed that others are gone. */
async function served(): Promise<void> {
  for (;;) {
    const next = new Client(path);
    const got = await answers(next);
    next.close();
    if (got !== 'end') return;
  }
}

it('more clients than there are descriptors: some are turned away, none is left waiting, and the others are served', async () => {
  const clients = Array.from({ length: descriptors }, () => new Client(path));
  const got = await Promise.all(clients.map(answers));
  const lucky = got.filter((answer) => answer !== 'end');
  expect(lucky.length).toBeGreaterThan(5);
  expect(lucky.length).toBeLessThan(descriptors);
  for (const client of clients) client.close();
  await served();
});

it('descriptors that there is no room for are refused by name', async () => {
  const client = new Client(path);
  client.send(info, {}, Array(descriptors).fill(file));
  expect(await client.error()).toMatchObject({ error: 'io.postern.Gateway.LimitReached', message: expect.stringContaining('no room') });
  expect(await client.next()).toBe('end');
  client.close();
  await served();
});
