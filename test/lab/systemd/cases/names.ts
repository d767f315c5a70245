/** Names of transient IDs, as ordinary programs show them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { better, type Case, type Expectation } from '../case.ts';
import { HeldNamespace } from '../namespaces.ts';
import { plain } from '../outcome.ts';
import { run } from '../program.ts';

/** A program while the namespace `held` of the user's has a range, and a process that belongs to its sixth ID. */
function shows(name: string, words: (base: number, pid: number) => readonly string[], options: Expectation = {}): Case {
  return {
    group: 'Names',
    name,
    ...options,
    async run() {
      await using namespace = await HeldNamespace.make();
      await namespace.allocate('held');
      const { base } = namespace;
      const process_ = spawn('setpriv', [`--reuid=${base + 5}`, `--regid=${base + 5}`, '--clear-groups', 'sleep', 'infinity'], {
        stdio: 'ignore',
      });
      const folder = `/proc/${process_.pid}`;
      while (statSync(folder).uid !== base + 5) await setTimeout(20);
      const { status, stdout, stderr } = await run(words(base, process_.pid ?? 0));
      const exit = once(process_, 'exit');
      process_.kill('SIGKILL');
      await exit;
      return { status, text: plain(stdout), aside: plain(stderr) };
    },
  };
}

const described = { verdict: better('the same record, described in words of its own', /of namespace 1000-held/) };

export const names: readonly Case[] = [
  shows('getent passwd NAME', () => ['getent', 'passwd', 'ns-1000-held-5'], described),
  shows('getent passwd UID', (base) => ['getent', 'passwd', String(base + 5)], described),
  shows('getent group NAME', () => ['getent', 'group', 'ns-1000-held-5']),
  shows('getent group GID', (base) => ['getent', 'group', String(base + 5)]),
  shows('getent passwd of a name that nobody has', () => ['getent', 'passwd', 'ns-1000-other-0']),
  shows('id NAME', () => ['id', 'ns-1000-held-5']),
  shows('ls -l', (_, pid) => ['stat', '-c', '%U %G', `/proc/${pid}`]),
  shows('ps', (_, pid) => ['ps', '-o', 'user:32=,group:32=', '-p', String(pid)]),
  shows('userdbctl user NAME', () => ['userdbctl', 'user', 'ns-1000-held-5', '--json=short'], described),
  shows('userdbctl user UID', (base) => ['userdbctl', 'user', String(base + 5)], described),
  shows('userdbctl group NAME', () => ['userdbctl', 'group', 'ns-1000-held-5', '--json=short'], described),
  shows('userdbctl groups-of-user NAME', () => ['userdbctl', 'groups-of-user', 'ns-1000-held-5']),
  shows('userdbctl services', () => ['userdbctl', 'services']),
];
