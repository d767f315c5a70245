/** A real `postern serve` on a private socket and state folder, for tests that knock at the door as a user would. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

export const run = promisify(execFile);
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const postern = join(root, 'bin/postern');
/** Images and a certificate that another tool made, beside the checkout. */
export const sharedData = resolve(root, '../shared/data');
export const isRoot = process.getuid?.() === 0;
export const hasSharedData = existsSync(join(sharedData, 'hello.raw.gz'));

/** A world-readable folder of the test's own, with hello.raw, hello-other-signer.raw and a `trust` folder. */
export function workshop(): { folder: string; image(name: string): string; trust: string; [Symbol.dispose](): void } {
  const folder = mkdtempSync(join(tmpdir(), 'postern-test-'));
  chmodSync(folder, 0o755);
  const trust = join(folder, 'trust');
  mkdirSync(trust);
  writeFileSync(join(trust, 'hello.crt'), readFileSync(join(sharedData, 'hello-signer.crt')));
  for (const name of ['hello', 'hello-other-signer']) {
    writeFileSync(join(folder, `${name}.raw`), gunzipSync(readFileSync(join(sharedData, `${name}.raw.gz`))), { mode: 0o644 });
  }
  return { folder, trust, image: (name) => join(folder, name), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface ServiceRow {
  readonly name: string;
  readonly pid: number;
}

/** A running server. `stop` ends it and waits for its end. */
export class Server {
  readonly socket: string;
  readonly state: string;
  readonly #process: ChildProcess;
  #log = '';

  private constructor(process: ChildProcess, socket: string, state: string) {
    this.#process = process;
    this.socket = socket;
    this.state = state;
    process.stderr?.on('data', (bytes: Buffer) => {
      this.#log = (this.#log + bytes.toString()).slice(-200_000);
    });
  }

  /** The latest of what it logged. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('the server did not start');
    return pid;
  }

  /**
   * Starts a server and waits for the line that says it is ready.
   * @param options.program what to run in the place of `bin/postern`
   * @param options.within a program, with its arguments, that becomes what follows
   */
  static async start(options: {
    folder: string;
    trust?: string;
    config?: string;
    program?: string;
    within?: readonly string[];
  }): Promise<Server> {
    const socket = join(options.folder, 'postern.sock');
    const state = join(options.folder, 'state');
    const args = ['serve', '--socket', socket, '--state', state];
    if (options.trust !== undefined) args.push('--trust', options.trust);
    if (options.config !== undefined) {
      const file = join(options.folder, 'postern.toml');
      writeFileSync(file, options.config);
      args.push('--config', file);
    }
    const [first = process.execPath, ...before] = [...(options.within ?? []), process.execPath];
    const child = spawn(first, [...before, options.program ?? postern, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new Server(child, socket, state);
    const ended = once(child, 'exit').then(() => {
      throw new Error(`postern serve ended before it was ready:\n${server.log}`);
    });
    const lines = createInterface({ input: child.stdout });
    const ready = (async () => {
      for await (const line of lines) if (line.includes(socket)) return;
      throw new Error(`postern serve closed its output before it was ready:\n${server.log}`);
    })();
    await Promise.race([ready, ended]);
    ended.catch(() => undefined);
    return server;
  }

  /** The service processes, by what `/proc` says of the server's children. */
  services(): ServiceRow[] {
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return children.flatMap((pid) => {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      const name = /\/(gateway|allocator|verity|mounter|lsm|network|polkit)\.mjs/.exec(command)?.[1];
      return name === undefined ? [] : [{ name, pid: Number(pid) }];
    });
  }

  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
    return this.#process.exitCode;
  }
}

/** What a server must not leave behind or pile up: open descriptors of a process. */
export function descriptorCount(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many each service of a server has open, by name. */
export function descriptorsOf(server: Server): Map<string, number> {
  return new Map(server.services().map(({ name, pid }) => [name, descriptorCount(pid)]));
}

/** Services that have more open than before. Fewer may be what an earlier test gave back, which goes a moment later. */
export function grownSince(before: ReadonlyMap<string, number>, server: Server): string[] {
  const grown = [...descriptorsOf(server)].filter(([name, count]) => count > (before.get(name) ?? 0));
  return grown.map(([name, count]) => `${name}: ${count} after ${before.get(name)}`);
}

/** Resident memory in KiB. */
export function residentKiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
}

/** The loop devices that have a backing file, and the machine's mounts. */
export function machineResidue(): { loops: string[]; mounts: number } {
  const loops = readdirSync('/sys/block').filter((name) => name.startsWith('loop') && existsSync(`/sys/block/${name}/loop/backing_file`));
  return { loops, mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length };
}

/** Waits until a condition holds, in steps of 50 ms; false when it never did. */
export async function eventually(condition: () => boolean, milliseconds = 30_000): Promise<boolean> {
  for (let waited = 0; waited < milliseconds; waited += 50) {
    if (condition()) return true;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  return condition();
}
