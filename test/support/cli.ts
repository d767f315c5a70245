/** The command line as people meet it: installed where every user can reach it, run by an ordinary uid, judged by what it prints and its status. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './serve.ts';

/** An ordinary user; it needs no entry in /etc/passwd. */
export const ordinary = { uid: 1000, gid: 1000 };
const superuser = { uid: 0, gid: 0 };

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  /** resolves when it has ended, by a signal too (then with a null status) */
  readonly ended: Promise<Ended>;
}

/** Collects what a child prints until it has ended. */
export function watch(child: ChildProcess): Running {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
  });
  return { child, ended };
}

/** A private installation. */
export class CommandLine implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'postern-cli-'));
  readonly program = join(this.folder, 'inst/bin/postern');
  readonly #environment: NodeJS.ProcessEnv;

  /** @param socket what POSTERN_SOCKET is to say */
  constructor(socket = '/nonexistent/postern.sock') {
    chmodSync(this.folder, 0o755);
    execFileSync(process.execPath, [join(root, 'tools/install.mjs'), join(this.folder, 'inst')]);
    this.#environment = { PATH: process.env.PATH, POSTERN_SOCKET: socket };
  }

  /** Starts `postern …` as the ordinary user, with standard input from nowhere. */
  start(args: readonly string[], as = ordinary, environment: NodeJS.ProcessEnv = {}): Running {
    return watch(
      spawn(this.program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...this.#environment, ...environment }, cwd: '/', ...as }),
    );
  }

  /** Runs `postern …` as the ordinary user to its end. */
  run(...args: string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  runAsRoot(...args: string[]): Promise<Ended> {
    return this.start(args, superuser).ended;
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a shell command as the ordinary user under script(1), which gives it a terminal of its own; `stdout` is what that terminal showed. */
export function atTerminal(command: string, socket: string): Running {
  const env = { PATH: process.env.PATH, SHELL: '/bin/sh', TERM: 'xterm', POSTERN_SOCKET: socket };
  return watch(spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'pipe'], env, cwd: '/', ...ordinary }));
}

/** A key and a certificate of its own, in PEM files. */
export function makeSigner(folder: string, name: string): { readonly key: string; readonly certificate: string } {
  const [key, certificate] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
  const subject = ['-subj', `/CN=${name}`, '-days', '2'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'ignore',
  });
  return { key, certificate };
}
