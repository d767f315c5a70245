/** The parent over real processes: started, wired, killed, started again, given up on. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { type Census, type ServiceName, services } from '../../mesh/protocol.ts';
import { Supervisor } from '../../mesh/supervisor.ts';
import { native } from '../../native/index.ts';
import { recordingLog } from '../support/mesh.ts';
import { makeDist, unavailable } from './parts/dist.ts';
import { type PartConfig, parts } from './parts/parts.ts';

let made: Awaited<ReturnType<typeof makeDist>>;
beforeAll(async () => {
  if (!unavailable) made = await makeDist();
});
afterAll(() => made?.remove());

const houses: House[] = [];
afterEach(async () => {
  for (const house of houses.splice(0)) await house.end();
});

/** All test services under a parent, and a client's line to the gateway. */
class House {
  readonly supervisor: Supervisor;
  readonly lines: Record<string, unknown>[];
  readonly #listener: Descriptor;
  readonly #path: string;

  constructor(configs: Partial<Record<ServiceName, Partial<PartConfig>>> = {}, clock: Clock = systemClock) {
    const { log, lines } = recordingLog('parent');
    this.lines = lines;
    this.#path = join(made.dist, 'socket');
    this.#listener = new Descriptor(native.listen(this.#path, 0o600, 64));
    this.supervisor = new Supervisor({
      services: services.map((name) => ({ privileges: parts[name].privileges, config: configs[name] ?? {} })),
      listener: this.#listener,
      log,
      clock,
      dist: made.dist,
    });
    houses.push(this);
  }

  /** Asks the gateway something; it waits where there is no gateway just now, and asks again where one died over it. */
  async ask(line: string): Promise<string> {
    for (;;) {
      const answer = await this.#askOnce(line);
      if (answer !== '') return answer;
    }
  }

  #askOnce(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let answer = '';
      const socket = connect(this.#path, () => socket.write(`${line}\n`));
      socket.setEncoding('utf8');
      socket.on('data', (text: string) => {
        answer += text;
        if (answer.endsWith('\n')) socket.end();
      });
      socket.on('error', (error: NodeJS.ErrnoException) =>
        error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve('') : reject(error),
      );
      socket.on('close', () => resolve(answer.trim()));
    });
  }

  /** Waits until a service is in a state. */
  async becomes(name: ServiceName, state: Census[number]['state']): Promise<void> {
    while (this.supervisor.census().find((line) => line.name === name)?.state !== state)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Waits until a service is of use again, in another process than it was in. */
  async livesAgain(name: ServiceName, before: number): Promise<void> {
    while (this.pid(name) === before) await new Promise((resolve) => setTimeout(resolve, 5));
    await this.becomes(name, 'ready');
  }

  pid(name: ServiceName): number {
    return this.supervisor.census().find((line) => line.name === name)?.pid ?? -1;
  }

  async end(): Promise<void> {
    await this.supervisor.stop();
    this.#listener.close();
  }
}

/** A clock whose pauses are short: for what would take half a minute of waiting. */
const hurried = (): Clock => ({ now: systemClock.now, after: (milliseconds, action) => systemClock.after(milliseconds / 100, action) });

/** False also for what has ended and waits to be noticed. */
const isRunning = (pid: number) => isAlive(pid) && status(pid, 'State')?.startsWith('Z') !== true;
const isAlive = (pid: number) => readdirSync('/proc').includes(String(pid));
function status(pid: number, field: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1').match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1];
  } catch {
    return 'Z (gone)';
  }
}

describe.skipIf(unavailable)('the parent', () => {
  it('starts every service with its own user and nothing else, wires them, and ends them', async () => {
    const house = new House();
    await house.supervisor.start();
    expect(house.supervisor.census().map(({ name, state, restarts }) => ({ name, state, restarts }))).toEqual(
      services.map((name) => ({ name, state: 'ready', restarts: 0 })),
    );
    expect(await house.ask('allocate')).toBe('done');
    const pids = services.map((name) => house.pid(name));
    for (const pid of pids) {
      expect(status(pid, 'CapEff')).toBe('0000000000000000');
      expect(status(pid, 'CapBnd')).toBe('0000000000000000');
      expect(status(pid, 'NoNewPrivs')).toBe('1');
      expect(status(pid, 'Seccomp')).toBe('2');
    }
    expect(status(house.pid('gateway'), 'Uid')).toMatch(/^65520\s+65520\s+65520\s+65520$/);
    expect(status(house.pid('verity'), 'Gid')).toMatch(/^65521\s+65521\s+65521\s+65521$/);
    expect(readdirSync(`/proc/${house.pid('gateway')}/root`)).toEqual([]);
    await house.supervisor.stop();
    expect(pids.filter(isAlive)).toEqual([]);
  });

  it('starts again what is killed once a second, wires it anew, and keeps clients waiting rather than refused', async () => {
    const house = new House();
    await house.supervisor.start();
    const kills: Partial<Record<ServiceName, number>> = {};
    for (let second = 0; second < 10; second++) {
      const name = services[second % services.length] ?? 'gateway';
      kills[name] = (kills[name] ?? 0) + 1;
      const pid = house.pid(name);
      process.kill(pid, 'SIGKILL');
      const outcome = await house.ask('allocate');
      expect(['done', 'SERVICE_DIED']).toContain(outcome);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
    }
    for (const name of services) await house.becomes(name, 'ready');
    for (const stage of ['allocator', 'verity', 'mounter', 'lsm']) {
      expect(JSON.parse(await house.ask(stage))).toMatchObject({ process: { descriptors: expect.any(Number) } });
    }
    expect(await house.ask('allocate')).toBe('done');
    expect(Object.fromEntries(house.supervisor.census().map(({ name, restarts }) => [name, restarts]))).toEqual(kills);
  });

  it('survives the death of all services at once', async () => {
    const house = new House();
    await house.supervisor.start();
    for (const name of services) process.kill(house.pid(name), 'SIGKILL');
    expect(await house.ask('allocate')).toBe('done');
  });

  it('leaves no more descriptors open after restarts than before', async () => {
    const house = new House();
    await house.supervisor.start();
    const before = readdirSync('/proc/self/fd').length;
    for (let i = 0; i < 3; i++) {
      const lives = services.map((name) => [name, house.pid(name)] as const);
      for (const [, pid] of lives) process.kill(pid, 'SIGKILL');
      for (const [name, pid] of lives) await house.livesAgain(name, pid);
      expect(await house.ask('allocate')).toBe('done');
    }
    const counts = await Promise.all(['allocator', 'verity', 'mounter', 'lsm'].map((stage) => house.ask(stage)));
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    // The channel to the parent, and one to each sibling that there is something to say to.
    expect(counts.map((count) => JSON.parse(count).process.descriptors)).toEqual([6, 5, 5, 4]);
  });

  it('gives up on a service that never gets ready, and ends the others', async () => {
    vi.stubEnv('POSTERN_LOG_LEVEL', 'silent');
    const house = new House({ mounter: { failsToStart: true } }, hurried());
    await expect(house.supervisor.start()).rejects.toThrow();
    expect(await house.supervisor.done).toBe('gaveUp');
    expect(house.supervisor.census().map(({ name, state, pid }) => `${name} ${state} ${pid}`)).toContain('mounter failed null');
    expect(house.supervisor.census().every(({ pid }) => pid === null)).toBe(true);
    vi.unstubAllEnvs();
  });

  it('ends a service that says what it may not say, and starts it again', async () => {
    const house = new House({ lsm: { speaksOutOfTurn: true } }, hurried());
    await expect(house.supervisor.start()).rejects.toThrow();
    expect(house.lines.some(({ fault, from }) => fault === 'not its sender' && from === 'lsm')).toBe(true);
  });

  it('takes its services with it when it is killed', async () => {
    const script = join(made.dist, 'parent.mjs');
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pids = await new Promise<number[]>((resolve) => {
      parent.stdout.setEncoding('utf8').once('data', (text: string) => resolve(JSON.parse(text)));
    });
    expect(pids.filter(isAlive)).toEqual(pids);
    parent.kill('SIGKILL');
    while (pids.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe.skipIf(unavailable)('a locked service', () => {
  it('can neither open a file nor run a program, and works', async () => {
    const house = new House({ mounter: { triesForbidden: true } });
    await house.supervisor.start();
    expect(JSON.parse(await house.ask('mounter'))).toMatchObject({ open: 'EPERM', execute: 'EPERM' });
    expect(await house.ask('allocate')).toBe('done');
  });

  it('that may open files still can run no program', async () => {
    const house = new House({ verity: { triesForbidden: true } });
    await house.supervisor.start();
    expect(JSON.parse(await house.ask('verity'))).toMatchObject({ open: 'worked', execute: 'EPERM' });
  });

  it('with an empty root can open nothing, even what it may', async () => {
    const house = new House({ gateway: { triesForbidden: true } });
    await house.supervisor.start();
    expect(JSON.parse(await house.ask('gateway'))).toMatchObject({ open: 'ENOENT' });
  });
});
