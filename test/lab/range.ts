/** A user namespace with a range, made the way the allocator makes one: restricted first, mapped then. Runs as root in the lab's machine. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Policy } from '../../services/lsm/policy.ts';

const attack = join(process.cwd(), 'dist/lab-attack');

export interface Range {
  readonly name: string;
  readonly base: number;
  readonly pid: number;
  /** the namespace; belongs to the range */
  readonly fd: number;
  /** Ends the process that holds it and closes the descriptor. */
  end(): Promise<void>;
}

/** A namespace without a map yet. */
export async function makeNamespace(): Promise<{ readonly holder: ChildProcess; readonly pid: number; readonly fd: number }> {
  const holder = spawn(attack, ['hold'], { stdio: ['pipe', 'pipe', 'inherit'] });
  if (holder.stdout === null || holder.pid === undefined) throw new Error('the holder of a namespace did not start');
  await once(holder.stdout, 'data');
  return { holder, pid: holder.pid, fd: openSync(`/proc/${holder.pid}/ns/user`, 'r') };
}

/** @param policy restricts it before the first ID is mapped; none where nothing guards */
export async function makeRange(policy: Policy | null, base: number, length = 65536): Promise<Range> {
  const { holder, pid, fd } = await makeNamespace();
  const name = `test:${base}`;
  policy?.restrict(fd, name, { transient: true, denySetgroups: false });
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${pid}/${map}`, `0 ${base} ${length}`);
  const end = async () => {
    closeSync(fd);
    const over = once(holder, 'exit');
    holder.stdin?.end();
    await over;
  };
  return { name, base, pid, fd, end };
}

export const attackNames: readonly string[] = spawnSync(attack, ['list'], { encoding: 'utf8' }).stdout.trim().split('\n');

/**
 * Tries attacks from inside of a range.
 * @param folder where each has a folder with its name
 * @param mount a mount to attach at /tmp/attached, where `folder` then is
 * @returns by name, the errno that stopped it; empty where it got through
 */
export function tryAttacks(range: Range, uid: number, folder: string, names: readonly string[], mount?: number): Map<string, string> {
  const args = ['in', String(range.pid), String(uid), folder, mount === undefined ? 'host' : 'own', ...names];
  const { stdout, status } = spawnSync(attack, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit', mount ?? 'ignore'] });
  if (status !== 0) throw new Error(`the attacks could not be tried: ${status}`);
  return new Map(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'))
      .map(([name, error]) => [name ?? '', error ?? '']),
  );
}
