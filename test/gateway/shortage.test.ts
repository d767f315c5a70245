/** A gateway that runs short of descriptors: it says so, goes on, and serves again when there are some. */
import { openSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { native } from '../../native/index.ts';
import { type Apart, startApart } from './apart.ts';
import { Client, type Got, info } from './harness.ts';

/** Node itself has about twenty open. */
const descriptors = 60;

let gateway: Apart;
let path: string;
let file: number;

beforeAll(async () => {
  gateway = await startApart('scarce.ts', ['prlimit', `--nofile=${descriptors}:${descriptors}`]);
  path = gateway.greeting;
  file = openSync('/dev/null', 'r');
});
afterAll(async () => {
  native.close(file);
  expect(await gateway.end()).toMatchObject({ code: 0 });
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
