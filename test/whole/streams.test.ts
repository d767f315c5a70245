/** Hostile streams against the whole of a running Postern: every service lives on, and none holds more afterwards than before. */
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PosternClient } from '../../client/client.ts';
import { openFlags } from '../../native/constants.ts';
import { native } from '../../native/index.ts';
import { Namespace } from '../gateway/harness.ts';
import { playCorpus, seed } from '../gateway/streams/corpus.ts';
import type { Hand } from '../gateway/streams/talker.ts';
import { descriptorCount, hasSharedData, isRoot, machineResidue, Server, workshop } from '../support/serve.ts';

const count = 2000;

describe.skipIf(!isRoot || !hasSharedData)('the whole of it (needs root and the shared images)', () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let folder: string;
  let namespace: Namespace;
  let hand: Hand | undefined;

  beforeAll(async () => {
    shop = workshop();
    folder = mkdtempSync(join(tmpdir(), 'postern-streams-'));
    server = await Server.start({ folder: shop.folder, trust: shop.trust });
    namespace = await Namespace.create();
    const [socket, other] = native.socketPair(4096);
    native.close(other);
    const image = shop.image('hello-other-signer.raw');
    const file = openSync(image, 'r');
    hand = {
      namespace: namespace.fd,
      file,
      directory: openSync(folder, 'r'),
      path: openSync(image, openFlags.O_PATH),
      device: openSync('/dev/null', 'r'),
      socket,
    };
  });
  afterAll(async () => {
    if (hand !== undefined) for (const fd of [hand.file, hand.directory, hand.path, hand.device, hand.socket]) native.close(fd);
    await server?.stop();
    rmSync(folder, { recursive: true });
    shop[Symbol.dispose]();
  });

  /** Warm: what is opened once and for all has been opened. */
  const settled = async () => {
    using client = PosternClient.connect(server.socket);
    const { services } = await client.status();
    return {
      restarts: services.map(({ name, restarts }) => [name, restarts]),
      held: server.services().map(({ name, pid }) => [name, pid, descriptorCount(pid)]),
    };
  };

  it(`outlives ${count} streams (seed ${seed})`, async () => {
    if (hand === undefined) throw new Error('nothing to send');
    const before = await settled();
    const { loops, mounts } = machineResidue();

    const { faults, tally } = await playCorpus({
      path: server.socket,
      seed,
      count,
      parallel: 16,
      endings: [
        [450, 'stay'],
        [250, 'half'],
        [20, 'late'],
        [170, 'leave'],
        [110, 'abort'],
      ],
      hand,
      siblings: 'real',
    });

    expect(faults).toEqual([]);
    if (process.env.POSTERN_STREAM_TALLY !== undefined) console.log(Object.fromEntries([...tally].sort()));
    await namespace.end();
    await expect.poll(settled).toEqual(before);
    const after = machineResidue();
    expect({ loops: after.loops.filter((name) => !loops.includes(name)), mounts: after.mounts }).toEqual({ loops: [], mounts });
  }, 300_000);
});
