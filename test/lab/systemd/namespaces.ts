/** User namespaces of the ordinary user's, each held by a process that does nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { ask, namespaces, ordinary } from './ask.ts';
import { idName } from './outcome.ts';

const patienceMs = 60_000;

export interface HeldOptions {
  /** who owns it; the ordinary user when left out */
  readonly uid?: number;
  /** with further options of unshare(1), such as `--net` */
  readonly with?: readonly string[];
}

export class HeldNamespace implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly user: Descriptor;

  private constructor(holder: ChildProcess, user: Descriptor) {
    this.#holder = holder;
    this.user = user;
  }

  static async make({ uid = ordinary, with: options = [] }: HeldOptions = {}): Promise<HeldNamespace> {
    const become = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    const holder = spawn('setpriv', [...become, 'unshare', '--user', ...options, 'sleep', 'infinity'], { stdio: 'ignore' });
    // unshare(1) becomes sleep(1) once all is done
    const ready = () => readFileSync(`/proc/${holder.pid}/comm`, 'utf8') === 'sleep\n';
    for (const start = performance.now(); !ready(); await sleep(10)) {
      if (performance.now() - start > patienceMs) throw new Error('no user namespace could be made');
    }
    return new HeldNamespace(holder, new Descriptor(openSync(`/proc/${holder.pid}/ns/user`, 'r')));
  }

  /** Has a range mapped into it. The name's last holder is gone, but a server may hear of that a moment later. */
  async allocate(name: string): Promise<void> {
    const parameters = { name, size: 65536, userNamespaceFileDescriptor: 0 };
    for (const start = performance.now(); ; await sleep(100)) {
      const method = 'io.systemd.NamespaceResource.AllocateUserRange';
      const { error } = await ask({ socket: namespaces, method, parameters, descriptors: [this.user.fd] });
      if (error === null) return;
      if (!error.endsWith('.NameExists') || performance.now() - start > patienceMs) throw new Error(`no range was given: ${error}`);
    }
  }

  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** Another namespace of the holder's. */
  open(kind: 'net'): Descriptor {
    return new Descriptor(openSync(`/proc/${this.pid}/ns/${kind}`, 'r'));
  }

  /** The first host ID that is mapped. */
  get base(): number {
    return Number(readFileSync(`/proc/${this.pid}/uid_map`, 'utf8').trim().split(/\s+/)[1]);
  }

  /** What was written into it. */
  get maps(): object {
    const map = (name: string) =>
      readFileSync(`/proc/${this.pid}/${name}`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/).map(Number))
        .map(([inside = 0, outside = 0, length = 0]) => `${idName(inside)} ${idName(outside)} ${length}`);
    return { uidMap: map('uid_map'), gidMap: map('gid_map'), setgroups: readFileSync(`/proc/${this.pid}/setgroups`, 'utf8').trim() };
  }

  get name(): string {
    return readlinkSync(`/proc/${this.pid}/ns/user`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.user.close();
    const exit = once(this.#holder, 'exit');
    this.#holder.kill('SIGKILL');
    await exit;
  }
}
