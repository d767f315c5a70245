/** Two hundred clients at once, each allocate + mount + exit: first in peace, then while the services are killed one after the other. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  descriptorsOf,
  eventually,
  grownSince,
  hasSharedData,
  isRoot,
  machineResidue,
  residentKiB,
  root,
  Server,
  workshop,
} from '../support/serve.ts';

const clients = 200;
const seconds = 60;
/** In never-twice mode a visit uses its range up for good: each test has a server with nearly all IDs there are (65 527 ranges) … */
const largePool = '[allocator]\npools = [{ first = 524288, last = 4294901759 }]\nshare_per_user = 1\n';
/** … and a crowd that goes home before they are gone, however fast the machine. What a killed service takes along is in the margin. */
const mostVisits = 50_000;
const visitsAfterwards = 5_000;
/** A heap may grow until its first full collection; a leak of one descriptor or record per visit would be far beyond. */
const steadyKiB = 64 * 1024;

interface Visit {
  readonly base: number;
  readonly from: bigint;
  readonly until: bigint;
  readonly step: string;
  readonly outcome: string;
}

function parse(line: string): Visit[] {
  const [base, from, until, step, ...outcome] = line.split(' ');
  if (base === undefined || from === undefined || until === undefined || step === undefined) return [];
  return [{ base: Number(base), from: BigInt(from), until: BigInt(until), step, outcome: outcome.join(' ') }];
}

/** Pairs of visits that held the same range at the same time. */
function overlaps(visits: readonly Visit[]): Visit[][] {
  const held = visits.filter(({ base }) => base !== 0).sort((a, b) => a.base - b.base || Number(a.from - b.from));
  return held.flatMap((visit, i) => {
    const before = held[i - 1];
    return before !== undefined && before.base === visit.base && before.until > visit.from ? [[before, visit]] : [];
  });
}

const tally = (visits: readonly Visit[]): Record<string, number> => {
  const count: Record<string, number> = {};
  for (const { step, outcome } of visits) {
    const key = outcome === 'ok' ? 'ok' : `${step}: ${outcome}`;
    count[key] = (count[key] ?? 0) + 1;
  }
  return count;
};

describe.skipIf(!isRoot || !hasSharedData)(`a crowd of ${clients} clients (needs root and the shared images)`, () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let crowd: string;

  async function visits(duringVisits: (ended: () => boolean) => Promise<void>, lasting = seconds, most = mostVisits): Promise<Visit[]> {
    const child = spawn(
      'setpriv',
      [
        '--reuid=1000',
        '--regid=1000',
        '--clear-groups',
        crowd,
        server.socket,
        String(clients),
        String(lasting),
        String(most),
        shop.image('hello.raw'),
      ],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let output = '';
    let ended = false;
    child.stdout.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
    const exit = once(child, 'close').then(([code]) => {
      ended = true;
      expect(code, 'the crowd itself went well').toBe(0);
    });
    await Promise.all([exit, duringVisits(() => ended)]);
    return output.split('\n').flatMap(parse);
  }

  const pause = (ms: number) => new Promise((wake) => setTimeout(wake, ms));

  beforeEach(async () => {
    shop = workshop();
    crowd = join(shop.folder, 'crowd');
    execFileSync('cc', ['-O2', '-o', crowd, join(root, 'test/whole/crowd.c')]);
    chmodSync(crowd, 0o755);
    server = await Server.start({ folder: shop.folder, trust: shop.trust, config: largePool });
  });

  afterEach(async () => {
    await server?.stop();
    shop?.[Symbol.dispose]();
  });

  it('is served without an error, a leak, or growing memory', { timeout: 180_000 }, async () => {
    const before = { residue: machineResidue(), descriptors: descriptorsOf(server) };
    const memory = () => new Map(server.services().map(({ name, pid }) => [name, residentKiB(pid)]));
    let warm = new Map<string, number>();
    const all = await visits(async () => {
      await pause((seconds * 1000) / 3);
      warm = memory();
    });
    console.log('in peace:', tally(all));
    expect(tally(all.filter(({ outcome }) => outcome !== 'ok'))).toEqual({});
    expect(all.length).toBeGreaterThan(clients);
    expect(overlaps(all)).toEqual([]);
    for (const [name, after] of memory()) expect(after - (warm.get(name) ?? 0), `${name} grew`).toBeLessThan(steadyKiB);
    expect(await eventually(() => JSON.stringify(machineResidue()) === JSON.stringify(before.residue))).toBe(true);
    await expect.poll(() => grownSince(before.descriptors, server)).toEqual([]);
  });

  it('loses only what was in the hands of a service that is killed, and no ID is held twice', { timeout: 180_000 }, async () => {
    const residue = machineResidue();
    const whole = server.services().length;
    const kills: string[] = [];
    const all = await visits(async (ended) => {
      const order = ['verity', 'mounter', 'allocator', 'lsm', 'gateway', 'network'];
      for (let i = 0; !ended(); i++) {
        await pause(1000);
        const victim = server.services().find(({ name }) => name === order[i % order.length]);
        if (victim === undefined || ended()) continue;
        process.kill(victim.pid, 'SIGKILL');
        kills.push(victim.name);
      }
    });
    const failed = all.filter(({ outcome }) => outcome !== 'ok');
    console.log('under fire:', tally(all), 'kills:', kills.length);
    expect(kills.length).toBeGreaterThan(seconds / 6);
    // A killed gateway hangs up; of any other service, exactly the requests that were there fail, by name.
    expect(tally(failed.filter(({ outcome }) => outcome !== 'closed' && !outcome.includes('SERVICE_DIED')))).toEqual({});
    expect(overlaps(all)).toEqual([]);
    expect(all.length - failed.length).toBeGreaterThan(0);
    expect(await eventually(() => JSON.stringify(machineResidue()) === JSON.stringify(residue))).toBe(true);
    expect(await eventually(() => server.services().length === whole)).toBe(true);
    const afterwards = await visits(() => Promise.resolve(), 5, visitsAfterwards);
    expect(tally(afterwards.filter(({ outcome }) => outcome !== 'ok')), 'all recovered').toEqual({});
    expect(overlaps([...all, ...afterwards])).toEqual([]);
  });
});
