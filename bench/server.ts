/** A real `postern serve` with the settings of a fresh installation, on a private socket and state folder. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface Server extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
}

/**
 * @param folder where its own folder goes; must be open to all, since clients are ordinary users
 * @param trust a folder of certificates
 */
export async function startServer(postern: string, folder: string, trust: string): Promise<Server> {
  const own = mkdtempSync(join(folder, 'server-'));
  const socket = join(folder, 'postern.sock');
  const args = [postern, 'serve', '--socket', socket, '--state', join(own, 'state'), '--trust', trust];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, POSTERN_LOG_LEVEL: 'error' },
  });
  const exit = once(child, 'exit');
  const ready = once(createInterface({ input: child.stdout }), 'line');
  const first = await Promise.race([ready, exit.then(() => null)]);
  if (first === null || child.pid === undefined) throw new Error('postern serve ended before it was ready');
  return {
    socket,
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exit;
      rmSync(own, { recursive: true, force: true });
    },
  };
}
