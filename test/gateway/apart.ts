/** Runs a program of the tests in a process of its own, bundled with all that it needs, so that it can have other limits, and can crash. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));

export interface Apart {
  readonly pid: number;
  /** the first line that it said */
  readonly greeting: string;
  /** Ends its input; how it ended, and what else it said. Twice does nothing more. */
  end(): Promise<{ readonly code: number | null; readonly said: readonly string[] }>;
}

/**
 * @param entry below this folder
 * @param before a command that is to run it, with its arguments
 */
export async function startApart(entry: string, before: readonly string[] = []): Promise<Apart> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-apart-'));
  const addon = [join(here, '../../native/build/Release/postern.node'), join(here, '../../dist/postern.node')].find(existsSync);
  if (addon === undefined) throw new Error('the native addon is not built');
  copyFileSync(addon, join(folder, 'postern.node'));
  const outfile = join(folder, 'program.mjs');
  const banner = { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" };
  buildSync({ entryPoints: [join(here, entry)], outfile, bundle: true, platform: 'node', format: 'esm', banner, logLevel: 'error' });
  const [command = process.execPath, ...args] = [...before, process.execPath, outfile];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const said: string[] = [];
  const greeting = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      resolve(line);
    });
    void ended.then(() => reject(new Error(`${entry} ended before it was ready`)));
  });
  return {
    pid: pidOf(child),
    greeting,
    async end() {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
      return { code: child.exitCode, said: said.slice(1) };
    },
  };
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('it did not start');
  return pid;
}
