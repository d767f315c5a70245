/** Stock programs, run as an ordinary user with a service manager of their own would run them. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { ordinary } from './ask.ts';
import type { Case, Expectation, Outcome } from './case.ts';
import type { Ground } from './ground.ts';
import { plain } from './outcome.ts';

/** Under emulation a container takes its time to start. */
const patienceMs = 240_000;

/** Within the user manager's own part of the tree, where it may move processes. */
const group = `/sys/fs/cgroup/user.slice/user-${ordinary}.slice/user@${ordinary}.service/lab.scope`;

const become = ['setpriv', `--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups', '--'];
const environments = {
  user: {
    HOME: '/home/lab',
    USER: 'lab',
    XDG_RUNTIME_DIR: `/run/user/${ordinary}`,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=/run/user/${ordinary}/bus`,
  },
  root: { HOME: '/root', USER: 'root' },
};
const common = {
  PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
  LC_ALL: 'C.UTF-8',
  TERM: 'dumb',
  SYSTEMD_PAGER: 'cat',
};

export interface ProgramOptions {
  readonly as?: 'user' | 'root';
  readonly cwd?: string;
}

export interface Result {
  readonly status: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; what takes too long is killed, and has the status `too long`. */
export async function run(argv: readonly string[], { as = 'user', cwd = '/home/lab' }: ProgramOptions = {}): Promise<Result> {
  mkdirSync(group, { recursive: true });
  // the shell moves itself, so that nothing of ours has to
  const words = as === 'user' ? ['sh', '-c', 'echo 0 >"$0" && exec "$@"', `${group}/cgroup.procs`, ...become, ...argv] : argv;
  const [program = '', ...args] = words;
  const child = spawn(program, args, { cwd, env: { ...common, ...environments[as] }, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, patienceMs);
  const exit = new Promise<number | string>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('exit', (status, signal) => resolve(status ?? signal ?? 'gone'));
  });
  // who was left behind may hold the pipes; what was said until then is enough
  const [status, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  clearTimeout(timer);
  return { status: late ? 'too long' : String(status), stdout, stderr };
}

export interface ProgramCase extends Expectation, ProgramOptions {
  /** further normalisation of what it printed */
  readonly tidy?: (text: string) => string;
  /** before and after, by root or the user; their outcome is not compared */
  readonly before?: readonly (readonly string[])[];
  readonly after?: readonly (readonly string[])[];
  /** the table's words for the call, where the command line itself is not what it is about */
  readonly called?: string;
}

/** A command line as a case: its exit status and what it printed are compared, what it complained of is not. */
export function program(
  group: string,
  argv: (ground: Ground) => readonly string[],
  name: string,
  { tidy = (all) => all, before = [], after = [], called: _called, as, cwd, ...expectation }: ProgramCase = {},
): Case {
  const options = { ...(as === undefined ? {} : { as }), ...(cwd === undefined ? {} : { cwd }) };
  return {
    group,
    name,
    ...expectation,
    async run(ground): Promise<Outcome> {
      for (const words of before) await run(words, options);
      const { status, stdout, stderr } = await run(argv(ground), options);
      for (const words of after) await run(words, options);
      return { status, text: tidy(plain(stdout)), aside: plain(stderr) };
    },
  };
}

/** For scripts that a case feeds to a program. */
export function writeFile(path: string, content: string): void {
  writeFileSync(path, content);
}
