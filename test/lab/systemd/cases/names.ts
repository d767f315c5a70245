/** Names of transient IDs, as ordinary programs show them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, writeFileSync } from 'node:fs';
import { ask, namespaces } from '../ask.ts';
import type { Case, Expectation } from '../case.ts';
import { HeldNamespace } from '../namespaces.ts';
import { plain } from '../outcome.ts';
import { run } from '../program.ts';

/** A program while the namespace `held` of the user's has a range, a file and a process that belong to its sixth ID. */
function shows(name: string, words: (base: number, pid: number) => readonly string[], options: Expectation = {}): Case {
  return {
    group: 'Names',
    name,
    ...options,
    async run() {
      await using namespace = await HeldNamespace.make();
      const allocate = { name: 'held', size: 65536, userNamespaceFileDescriptor: 0 };
      await ask({
        socket: namespaces,
        method: 'io.systemd.NamespaceResource.AllocateUserRange',
        parameters: allocate,
        descriptors: [namespace.user.fd],
      });
      const { base } = namespace;
      writeFileSync('/home/owned', '');
      chownSync('/home/owned', base + 5, base + 5);
      const process_ = spawn('setpriv', [`--reuid=${base + 5}`, `--regid=${base + 5}`, '--clear-groups', 'sleep', 'infinity'], {
        stdio: 'ignore',
      });
      const { status, stdout, stderr } = await run(words(base, process_.pid ?? 0));
      const exit = once(process_, 'exit');
      process_.kill('SIGKILL');
      await exit;
      return { status, text: plain(stdout), aside: plain(stderr) };
    },
  };
}

export const names: readonly Case[] = [
  shows('getent passwd NAME', () => ['getent', 'passwd', 'ns-1000-held-5']),
  shows('getent passwd UID', (base) => ['getent', 'passwd', String(base + 5)]),
  shows('getent group NAME', () => ['getent', 'group', 'ns-1000-held-5']),
  shows('getent group GID', (base) => ['getent', 'group', String(base + 5)]),
  shows('getent passwd of a name that nobody has', () => ['getent', 'passwd', 'ns-1000-other-0']),
  shows('id NAME', () => ['id', 'ns-1000-held-5']),
  shows('ls -l', () => ['stat', '-c', '%U %G', '/home/owned']),
  shows('ps', (_, pid) => ['ps', '-o', 'user:32=,group:32=', '-p', String(pid)]),
  shows('userdbctl user NAME', () => ['userdbctl', 'user', 'ns-1000-held-5', '--json=short']),
  shows('userdbctl user UID', (base) => ['userdbctl', 'user', String(base + 5)]),
  shows('userdbctl group NAME', () => ['userdbctl', 'group', 'ns-1000-held-5', '--json=short']),
  shows('userdbctl groups-of-user NAME', () => ['userdbctl', 'groups-of-user', 'ns-1000-held-5']),
  shows('userdbctl services', () => ['userdbctl', 'services']),
];
