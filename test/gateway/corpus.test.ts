/** A hundred thousand hostile streams, many at a time: no crash, no leak, and no answer that breaks the protocol. */
import { mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openFlags } from '../../native/constants.ts';
import { native } from '../../native/index.ts';
import { type Apart, startApart } from './apart.ts';
import { Client, Namespace, status } from './harness.ts';
import { playCorpus, seed } from './streams/corpus.ts';
import type { Hand } from './streams/talker.ts';

const count = 100_000;
const usage = v.object({ users: v.number(), connections: v.number(), requests: v.number(), waiting: v.number() });

let gateway: Apart;
let namespace: Namespace;
let folder: string;
let hand: Hand;

beforeAll(async () => {
  namespace = await Namespace.create();
  folder = mkdtempSync(join(tmpdir(), 'postern-corpus-'));
  const file = openSync('/proc/self/exe', 'r');
  const [socket, other] = native.socketPair(4096);
  native.close(other);
  hand = {
    namespace: namespace.fd,
    file,
    directory: openSync(folder, 'r'),
    path: openSync('/proc/self/exe', openFlags.O_PATH),
    device: openSync('/dev/null', 'r'),
    socket,
  };
  gateway = await startApart('streams/gateway.ts');
});
afterAll(async () => {
  await gateway.end();
  for (const fd of [hand.file, hand.directory, hand.path, hand.device, hand.socket]) native.close(fd);
  rmSync(folder, { recursive: true });
  await namespace.end();
});

/** What the gateway holds while a sound client, and nobody else, is connected. */
async function held(): Promise<unknown> {
  const client = new Client(gateway.greeting);
  const got = await client.call(status);
  const descriptors = readdirSync(`/proc/${gateway.pid}/fd`).length;
  client.close();
  if (got === 'end') return got;
  const { users, connections, requests, waiting } = v.parse(usage, got.parameters.gateway);
  return { users, connections, requests, waiting, descriptors };
}

it(`${count} streams neither break the gateway, nor make it break the protocol (seed ${seed})`, { timeout: 900_000 }, async () => {
  const before = await held();
  expect(before).toMatchObject({ users: 1, connections: 1, requests: 1, waiting: 0 });

  const { faults, tally } = await playCorpus({
    path: gateway.greeting,
    seed,
    count,
    parallel: 128,
    endings: [
      [450, 'stay'],
      [250, 'half'],
      [20, 'late'],
      [10, 'stall'],
      [170, 'leave'],
      [100, 'abort'],
    ],
    hand,
    siblings: 'willing',
  });

  expect(faults).toEqual([]);
  // Oneway calls outlive their client until they are answered, or their deadline comes.
  await expect.poll(held, { timeout: 60_000 }).toEqual(before);
  const { code, said } = await gateway.end();
  expect(code).toBe(0);
  expect(said.map((line): unknown => JSON.parse(line))).toEqual([{ grave: [], owned: 0 }]);

  if (process.env.POSTERN_STREAM_TALLY !== undefined) console.log(Object.fromEntries([...tally].sort()));
  // What the corpus is for, it has met.
  const met = (what: string) => tally.get(what) ?? 0;
  if (process.env.POSTERN_STREAM === undefined) {
    for (const what of ['stay', 'half', 'late', 'stall', 'leave', 'abort', 'continues', 'ended by the gateway']) {
      expect(met(what), what).toBeGreaterThan(100);
    }
    expect(met('too long')).toBeGreaterThan(10);
    for (const what of ['TimedOut', 'UpgradeNotSupported']) expect(met(`io.postern.Gateway.${what}`), what).toBeGreaterThan(10);
    for (const what of ['MountImage', 'MountDirectory', 'MakeDirectory']) {
      expect(met(`reply to io.systemd.MountFileSystem.${what}`), what).toBeGreaterThan(0);
    }
  }
});
