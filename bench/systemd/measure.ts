/**
 * The two servers in turns, each several times, so that whatever else the machine does meets both. Each has served some calls of a kind
 * before its calls of that kind count: a daemon that runs for days is not what it was in its first second.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Server } from '../../lab/systemd/servers.ts';
import { type Run, type Summary, summarise } from '../statistics.ts';
import { type Cpu, cpu, type Memory, memory, ownGroup } from './accounting.ts';
import { type Call, calls, type Ground } from './calls.ts';

/** Turns of each server. */
const rounds = 2;
/** Calls of each client in a turn; fewer of a server that is slow (bench/client/stock.c). */
const eachAlone = 12;
const eachOfMany = 3;
/** … and before that, which does not count. */
const eachToWarm = 1;
/** By one client so often, one after the other, that each of a server's processes has had a call. */
const aloneToWarm = 8;
/** The originals' processes load programs into the kernel with their first call, and time out over it where many do it at once. */
const triesToWarm = 4;
const timedOut = /"errno":110\b/;
/** Between runs: a server hears of a namespace's end a moment later. */
const pauseMs = 3000;

export interface Cost extends Summary {
  /** microseconds a call; of a mount with the range that its namespace got before */
  readonly cpu: Cpu;
}

export interface Measured {
  readonly call: string;
  readonly clients: number;
  readonly server: string;
  /** or why there is none */
  readonly cost: Cost | string;
}

export interface Result {
  readonly measured: readonly Measured[];
  /** by server, after its last call */
  readonly memory: Readonly<Record<string, Memory>>;
}

/** The runs of one call, with so many clients, to one server. */
interface Taken {
  readonly call: string;
  readonly clients: number;
  readonly server: string;
  readonly runs: Run[];
  readonly cpu: { own: number; others: number };
  failure: string | null;
}

/** @param counts of clients at a time */
export async function measureAll(
  servers: readonly Server[],
  ground: Ground,
  counts: readonly number[],
  say: (text: string) => void,
): Promise<Result> {
  const taken = servers.flatMap(({ name: server }) =>
    calls.flatMap(({ name: call }) =>
      counts.map((clients): Taken => ({ call, clients, server, runs: [], cpu: { own: 0, others: 0 }, failure: null })),
    ),
  );
  const held: Record<string, Memory> = {};
  for (let round = 1; round <= rounds; round++) {
    for (const server of servers) {
      say(`· ${server.name}, round ${round} of ${rounds}`);
      server.start();
      for (const call of calls) {
        const mine = taken.filter((one) => one.server === server.name && one.call === call.name);
        await takeAll(call, mine, server, ground, say);
      }
      held[server.name] = memory(server.groups);
      server.stop();
    }
  }
  return { measured: taken.map(summed), memory: held };
}

/** Where a server refuses once it is not asked again for so many clients. */
async function takeAll(call: Call, mine: readonly Taken[], server: Server, ground: Ground, say: (text: string) => void): Promise<void> {
  for (const one of mine) {
    if (one.failure !== null) continue;
    try {
      const toWarm = one.clients === 1 ? aloneToWarm : 1;
      for (let left = toWarm; left > 0; left--) await warm(call.name, () => call.run(ground, one.clients, eachToWarm), say);
      await sleep(pauseMs);
      const before = cpu(server.groups, ownGroup());
      one.runs.push(await call.run(ground, one.clients, one.clients === 1 ? eachAlone : eachOfMany));
      const after = cpu(server.groups, ownGroup());
      one.cpu.own += after.own - before.own;
      one.cpu.others += after.others - before.others;
      const { p50, p99, rate } = summarise(one.runs);
      say(`  ${call.name}, ${one.clients}: ${(p50 / 1000).toFixed(1)} ms, p99 ${(p99 / 1000).toFixed(1)} ms, ${rate.toFixed(1)} a second`);
    } catch (thrown) {
      one.failure = reasonOf(thrown);
      say(`  ${call.name}, ${one.clients}: ${one.failure}`);
    }
  }
}

/** @throws what the last of many tries came to */
async function warm(call: string, run: () => Promise<Run>, say: (text: string) => void): Promise<void> {
  for (let left = triesToWarm; left > 0; left--) {
    await sleep(pauseMs);
    try {
      const { p50 } = summarise([await run()]);
      say(`  ${call}, warm: ${(p50 / 1000).toFixed(1)} ms`);
      return;
    } catch (thrown) {
      const reason = reasonOf(thrown);
      if (left === 1 || !timedOut.test(reason)) throw thrown;
      say(`  ${call}, not warm yet: ${reason}`);
    }
  }
}

/** What the client said last before it gave up. */
function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.message.split('\n').find((line) => line.startsWith('stock: ')) ?? thrown.message;
}

function summed({ call, clients, server, runs, cpu: { own, others }, failure }: Taken): Measured {
  if (failure !== null) return { call, clients, server, cost: failure };
  const summary = summarise(runs);
  return { call, clients, server, cost: { ...summary, cpu: { own: own / summary.samples, others: others / summary.samples } } };
}
