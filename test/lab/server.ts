/** A `postern serve` in the lab's machine, and what one does with it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

export const socket = '/run/postern/postern.sock';
/** under emulation every Node takes seconds to start */
const patienceMs = 180_000;

export const asOrdinaryUser = ['--reuid', '1000', '--regid', '1000', '--clear-groups'];

/** The first that is not undefined of what `look` sees. */
export async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  for (const start = performance.now(); performance.now() - start < patienceMs; await sleep(50)) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not come`);
}

/** Processes whose command line has this word, besides this one. */
export function processesOf(word: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'utf8')
        .split('\0')
        .some((part) => part.endsWith(word))
        ? [Number(name)]
        : [];
    } catch {
      return []; // it ended meanwhile
    }
  });
}

export interface Serving {
  readonly state: string;
  /** the text of a configuration file */
  readonly config?: string;
  /** a file for all that it says, with every message that it receives */
  readonly log?: string;
}

export async function serve({ state, config, log }: Serving): Promise<ChildProcess> {
  const args = ['serve', '--state', state];
  mkdirSync(state, { recursive: true });
  if (config !== undefined) {
    writeFileSync(`${state}.toml`, config);
    args.push('--config', `${state}.toml`);
  }
  const env = { ...process.env, ...(log === undefined ? {} : { POSTERN_LOG_LEVEL: 'trace' }) };
  const parent = spawn('bin/postern', args, { stdio: ['ignore', 'pipe', log === undefined ? 'inherit' : openSync(log, 'w')], env });
  let said = '';
  parent.stdout?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  await until('the line with the socket', () => (said.includes(socket) ? true : undefined)).catch((thrown: unknown) => {
    if (log !== undefined) process.stdout.write(readFileSync(log, 'utf8').slice(-4000));
    throw thrown;
  });
  return parent;
}

/** Ends it as an operator does. */
export async function stop(parent: ChildProcess): Promise<void> {
  if (parent.exitCode !== null) return;
  const exit = once(parent, 'exit');
  parent.kill('SIGTERM');
  await exit;
}

/** A service ends by itself once its parent is dead, and may do so before its turn comes. */
export function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
