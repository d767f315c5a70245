/** The parent over real processes: started, wired, killed, started again, given up on. */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { type ServiceName, services } from '../../mesh/protocol.ts';
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

/** All five test services under a parent, and a client's line to the gateway. */
class House {
  readonly supervisor: Supervisor;
  readonly lines: Record<string, unknown>[];
  readonly #listener: Descriptor;
  readonly #path: string;

  constructor(configs: Partial<Record<ServiceName, Partial<PartConfig>>> = {}) {
    const { log, lines } = recordingLog('parent');
    this.lines = lines;
    this.#path = join(made.dist, 'socket');
    this.#listener = new Descriptor(native.listen(this.#path, 0o600, 64));
    this.supervisor = new Supervisor({
      services: services.map((name) => ({ privileges: parts[name].privileges, config: configs[name] ?? {} })),
      listener: this.#listener,
      log,
      clock: systemClock,
      dist: made.dist,
    });
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

  pid(name: ServiceName): number {
    return this.supervisor.census().find((line) => line.name === name)?.pid ?? -1;
  }

  async end(): Promise<void> {
    await this.supervisor.stop();
    this.#listener.close();
  }
}

const isAlive = (pid: number) => readdirSync('/proc').includes(String(pid));
const status = (pid: number, field: string) =>
  readFileSync(`/proc/${pid}/status`, 'latin1').match(new RegExp(`^${field}:\\s*(.*)$`, 'm'))?.[1];

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
    await house.end();
    expect(pids.filter(isAlive)).toEqual([]);
  });
});
