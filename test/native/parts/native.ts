/** What the tests of the native half share: the programs, children in namespaces, and counting what is left over. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Addon, isSystemError, type NamespaceMaps, native } from '../../../native/index.ts';

export const isRoot = process.getuid?.() === 0;
export const built = resolve(import.meta.dirname, '../../../native/build');
export const addonPath = join(built, 'Release/postern.node');
export const helperPath = join(built, 'helper');
export const launcherPath = join(built, 'launcher');

/** The addon as the kernel's edge sees it from hostile JavaScript: no types. */
export const untyped: Record<string, (...args: unknown[]) => unknown> = createRequire(import.meta.url)(addonPath);

/** The code of what a call throws, or `ok`. */
export function outcome(call: () => unknown): string {
  try {
    call();
    return 'ok';
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown) return String(thrown.code);
    throw thrown;
  }
}

/** The descriptors of this process, or another. */
export function openDescriptors(pid: number | 'self' = 'self'): string[] {
  return readdirSync(`/proc/${pid}/fd`);
}

/** How many descriptors more than before are open after the work; garbage of JavaScript's counts too. */
export async function leaked(work: () => void | Promise<void>): Promise<number> {
  const before = openDescriptors().length;
  await work();
  return openDescriptors().length - before;
}

/** Runs until it gives a value, giving others their turn between. For what a child does in its own time. */
export async function eventually<T>(attempt: () => T | undefined): Promise<T> {
  for (let i = 0; i < 2000; i++) {
    const value = attempt();
    if (value !== undefined) return value;
    await new Promise((done) => setTimeout(done, 5));
  }
  throw new Error('it never came');
}

export class Helper implements Disposable {
  readonly socket: number;
  readonly pid: number;

  constructor() {
    ({ socket: this.socket, pid: this.pid } = native.spawnHelper(helperPath));
  }

  /** Its exit status, once it has ended by itself. */
  async end(): Promise<number> {
    native.close(this.socket);
    return await eventually(() => native.reap(this.pid) ?? undefined);
  }

  [Symbol.dispose](): void {
    native.close(this.socket);
    process.kill(this.pid, 'SIGKILL');
    while (native.reap(this.pid) === null) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
  }
}

/** A child that lives in namespaces of its own until it is disposed of, with a descriptor of its user namespace. */
export class Holder implements Disposable {
  readonly #child: ChildProcess;
  readonly userNamespace: number;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.userNamespace = openSync(`/proc/${child.pid}/ns/user`, 'r');
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error('it has not started');
    return pid;
  }

  /** Runs `prefix unshare options sleep`; resolves once it is in its namespaces. */
  static async start(options: readonly string[] = ['-U'], prefix: readonly string[] = []): Promise<Holder> {
    const command = [...prefix, 'unshare', ...options, 'sh', '-c', 'echo in; exec sleep 1000'];
    const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
    if (child.stdout === null) throw new Error('it has no output');
    await once(child.stdout, 'data');
    return new Holder(child);
  }

  /** The command that starts a program in this user namespace, as its root. */
  enter(): string[] {
    return ['nsenter', '-t', String(this.pid), '-U', '-S', '0', '-G', '0'];
  }

  map(name: 'uid_map' | 'gid_map'): number[][] {
    const lines = readFileSync(`/proc/${this.pid}/${name}`, 'utf8').trim().split('\n');
    return lines.filter((line) => line !== '').map((line) => line.trim().split(/\s+/).map(Number));
  }

  async kill(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
    closeSync(this.userNamespace);
  }
}

/** The same lines for users and groups. */
export function maps(...lines: readonly (readonly [number, number, number])[]): NamespaceMaps {
  const both = lines.map(([inside, outside, length]) => ({ inside, outside, length }));
  return { uid: both, gid: both };
}

/** A detached tmpfs. */
export function detachedTmpfs(attributes: number): number {
  const context = native.fsopen('tmpfs');
  try {
    native.fsconfigCreate(context);
    return native.fsmount(context, attributes);
  } finally {
    native.close(context);
  }
}

/** A folder that is gone after the test. */
export function scratch(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'postern-native-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A test's Node program: its output so far, its end, and a way to make it go on. */
export interface Run {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end with further descriptors from 3 on. */
export async function run(command: readonly string[], descriptors: readonly number[] = []): Promise<Run> {
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe', ...descriptors] });
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (part) => {
    output.stdout += part;
  });
  child.stderr?.on('data', (part) => {
    output.stderr += part;
  });
  return await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (status, signal) => done({ status, signal, ...output }));
  });
}

/** Runs JavaScript in a Node of its own, with the addon as `native`. */
export function runNode(script: string, descriptors: readonly number[] = [], prefix: readonly string[] = []): Promise<Run> {
  const load = `const native = require(${JSON.stringify(addonPath)});`;
  return run([...prefix, process.execPath, '-e', load + script], descriptors);
}

type Call = readonly [keyof Addon, ...(number | string | boolean | null)[]];

/**
 * Makes calls of the addon as root of a user and mount namespace of its own, which got `descriptors` from 3 on.
 * Returns the outcome of each: `ok` or an error's code.
 */
export async function inNewNamespaces(calls: readonly Call[], descriptors: readonly number[], nested = false): Promise<string[]> {
  const script = `
    const { execFileSync } = require('node:child_process');
    const shell = { mount: (...args) => execFileSync('mount', args, { stdio: 'ignore' }) };
    const outcomes = ${JSON.stringify(calls)}.map(([name, ...args]) => {
      try { native[name](...args); return 'ok'; } catch (error) { return error.code; }
    });
    console.log(JSON.stringify(outcomes));`;
  const unshare = ['unshare', '-U', '-r', '-m', '--propagation', 'private'];
  const { stdout, stderr } = await runNode(script, descriptors, nested ? [...unshare, ...unshare] : unshare);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

export { isSystemError, native };
