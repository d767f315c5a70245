/**
 * A machine's polkit, for real: polkitd and a system bus in a mount namespace of their own, where they find our actions and the test's rules,
 * and whoever is started there finds them. The host's own are not touched.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, isRoot, root } from './serve.ts';

const polkitd = '/usr/lib/polkit-1/polkitd';
/** Why there can be none here; undefined where there can. */
export const noPolkit = !isRoot
  ? 'needs root'
  : existsSync(polkitd) && existsSync('/usr/bin/dbus-daemon')
    ? undefined
    : 'needs polkitd and dbus-daemon';

const busConfig = (socket: string) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type><listen>unix:path=${socket}</listen><auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/><allow receive_type="signal"/>
  </policy>
</busconfig>
`;

/** Binds each folder of the machine to one of ours, says so, and stays. Arguments: pairs of ours and theirs. */
const keeper = 'set -e; while [ $# -gt 0 ]; do mkdir -p "$2"; mount --bind "$1" "$2"; shift 2; done; echo there; exec sleep 1000000';

export class PolkitGround {
  readonly folder = mkdtempSync(join(tmpdir(), 'postern-polkit-'));
  /** where the bus listens, seen from outside of the namespace */
  readonly socket = join(this.folder, 'bus/system_bus_socket');
  readonly #keeper: ChildProcess;
  #bus: ChildProcess | undefined;
  #polkitd: ChildProcess | undefined;

  private constructor(rules: string) {
    chmodSync(this.folder, 0o755);
    for (const name of ['actions', 'rules', 'no-rules', 'bus']) {
      mkdirSync(join(this.folder, name));
      chmodSync(join(this.folder, name), 0o755);
    }
    copyFileSync(join(root, 'packaging/polkit-1/actions/postern.policy'), join(this.folder, 'actions/postern.policy'));
    writeFileSync(join(this.folder, 'rules/test.rules'), rules, { mode: 0o644 });
    writeFileSync(join(this.folder, 'bus.conf'), busConfig('/run/dbus/system_bus_socket'), { mode: 0o644 });
    const binds = [
      [join(this.folder, 'actions'), '/usr/share/polkit-1/actions'],
      [join(this.folder, 'rules'), '/etc/polkit-1/rules.d'],
      [join(this.folder, 'no-rules'), '/usr/share/polkit-1/rules.d'],
      [join(this.folder, 'bus'), '/run/dbus'],
    ].flat();
    this.#keeper = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', keeper, 'sh', ...binds], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  }

  /** @param rules JavaScript, as an administrator would write it to /etc/polkit-1/rules.d */
  static async start(rules: string): Promise<PolkitGround> {
    const ground = new PolkitGround(rules);
    const { stdout } = ground.#keeper;
    if (stdout !== null) await once(stdout, 'data');
    return ground;
  }

  /** What comes before a program that is to run there. */
  get within(): string[] {
    return ['nsenter', `--mount=/proc/${this.#keeper.pid}/ns/mnt`, '--'];
  }

  /** Starts a system bus, without polkit. */
  async startBus(): Promise<void> {
    rmSync(this.socket, { force: true });
    this.#bus = this.#run('dbus-daemon', [`--config-file=${join(this.folder, 'bus.conf')}`, '--nofork', '--nopidfile', '--nosyslog']);
    if (!(await eventually(() => existsSync(this.socket)))) throw new Error('the bus did not start');
  }

  /** Starts polkitd, and waits until it has its name. */
  async startPolkit(): Promise<void> {
    this.#polkitd = this.#run(polkitd, ['--no-debug']);
    if (!(await eventually(() => this.#hasPolkit()))) throw new Error('polkitd did not start');
  }

  /** Stops polkitd from doing anything, or lets it go on. */
  set frozen(frozen: boolean) {
    this.#polkitd?.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
  }

  async endPolkit(): Promise<void> {
    await end(this.#polkitd);
    this.#polkitd = undefined;
  }

  async endBus(): Promise<void> {
    await end(this.#bus);
    this.#bus = undefined;
  }

  async close(): Promise<void> {
    await this.endPolkit();
    await this.endBus();
    await end(this.#keeper);
    rmSync(this.folder, { recursive: true, force: true });
  }

  #hasPolkit(): boolean {
    const ask = [
      '--print-reply',
      '--dest=org.freedesktop.DBus',
      '/',
      'org.freedesktop.DBus.NameHasOwner',
      'string:org.freedesktop.PolicyKit1',
    ];
    return execFileSync('dbus-send', [`--bus=unix:path=${this.socket}`, ...ask])
      .toString()
      .includes('boolean true');
  }

  #run(program: string, args: readonly string[]): ChildProcess {
    const [first = '', ...rest] = [...this.within, program, ...args];
    return spawn(first, rest, { stdio: 'ignore', env: { PATH: process.env.PATH } });
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
