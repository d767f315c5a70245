/** Thousands of user namespaces at once, kept alive by a few small processes. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Descriptor } from '../../../mesh/descriptors.ts';

/** Well below the number of descriptors that a process may have. */
const perKeeper = 5_000;

export class Keepers {
  readonly #folder: string;
  readonly #kept: { readonly process: ChildProcessByStdio<Writable, Readable, null>; readonly first: number; readonly count: number }[] =
    [];

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes `count` unmapped namespaces of a user. */
  static async start(count: number, uid: number): Promise<Keepers> {
    const folder = mkdtempSync(join(tmpdir(), 'postern-keeper-'));
    const program = join(folder, 'keeper');
    const source = join(dirname(fileURLToPath(import.meta.url)), 'keeper.c');
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source]);
    const keepers = new Keepers(folder);
    for (let left = count; left > 0; left -= perKeeper) await keepers.#add(program, Math.min(left, perKeeper), uid);
    return keepers;
  }

  async #add(program: string, count: number, uid: number): Promise<void> {
    const process = spawn(program, [String(count), String(uid)], { stdio: ['pipe', 'pipe', 'ignore'] });
    const [line]: unknown[] = await once(process.stdout, 'data');
    const first = Number(/^ready (\d+)/.exec(String(line))?.[1]);
    this.#kept.push({ process, first, count });
  }

  /** Opens each namespace in turn; the taker closes it. */
  *open(): Generator<Descriptor> {
    for (const { process, first, count } of this.#kept) {
      for (let fd = first; fd < first + count; fd++) yield new Descriptor(openSync(`/proc/${process.pid}/fd/${fd}`, 'r'));
    }
  }

  /** Ends all of them. */
  async end(): Promise<void> {
    for (const { process } of this.#kept.splice(0)) {
      const ended = once(process, 'exit');
      process.kill('SIGKILL');
      await ended;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
