/** Shells in user namespaces of their own, run by an ordinary user: what a client of the allocator holds in its hands. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { native } from '../../../native/index.ts';

const as = (uid: number) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];

export class Shell {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  #said = '';
  #asked = 0;

  private constructor(process: ChildProcessByStdio<Writable, Readable, null>) {
    this.#process = process;
    process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  /** A shell of `uid` in a new user namespace that nothing is mapped in. */
  static async start(uid: number, wrapper: readonly string[] = ['unshare', '--user']): Promise<Shell> {
    return Shell.#run([...as(uid), ...wrapper]);
  }

  /** A shell of the root, or another user, of another one's range; with `unshare`, in a new namespace below. */
  static async inside(outer: Shell, wrapper: readonly string[] = [], uid = 0): Promise<Shell> {
    const enter = ['nsenter', `--user=/proc/${outer.pid}/ns/user`, `--setuid=${uid}`, `--setgid=${uid}`];
    return Shell.#run([...enter, ...wrapper]);
  }

  static async #run(wrapper: readonly string[]): Promise<Shell> {
    const [file = '', ...args] = [...wrapper, 'bash', '--noprofile', '--norc'];
    const shell = new Shell(spawn(file, args, { stdio: ['pipe', 'pipe', 'ignore'], cwd: '/' }));
    await shell.ask('true');
    return shell;
  }

  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error('the shell did not start');
    return pid;
  }

  /** What a command prints. */
  async ask(command: string): Promise<string> {
    const end = `end-${++this.#asked}-`;
    this.#said = '';
    this.#process.stdin.write(`${command}\necho ${end}\n`);
    while (!this.#said.includes(end)) await once(this.#process.stdout, 'data');
    return this.#said.slice(0, this.#said.indexOf(end)).trim();
  }

  /** The namespace that it is in now; the caller's to close. */
  namespace(): Descriptor {
    return new Descriptor(openSync(`/proc/${this.pid}/ns/user`, 'r'));
  }

  pidfd(): Descriptor {
    return new Descriptor(native.pidfdOpen(this.pid));
  }

  /** Resolves when it has ended and was reaped: with it went the namespace, unless something else keeps that. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}
