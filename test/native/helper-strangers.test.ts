/** Whatever the helper sends into a stranger's namespace can't be taken over by that namespace's root. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Helper, Holder, isRoot, maps, native, outcome, run, scratch } from './parts/native.ts';
import { buildProbe } from './parts/probe.ts';

describe.skipIf(!isRoot)('a process of the helper that is held still in a stranger’s namespace', () => {
  const folder = scratch();
  let probe = '';
  beforeAll(() => {
    probe = buildProbe(folder.path);
  });
  afterAll(() => folder[Symbol.dispose]());

  /** What that namespace's root achieves against a process that entered as the helper's do. */
  async function attack(how: 'hidden' | 'traceable'): Promise<Record<string, string>> {
    using helper = new Helper();
    using holder = await Holder.start();
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, 524_288, 65_536]), false);
    const victim = spawn(probe, ['enter', how], { stdio: ['ignore', 'pipe', 'inherit', holder.userNamespace] });
    if (victim.stdout === null) throw new Error('it has no output');
    const [pid] = await once(victim.stdout, 'data');
    const { stdout } = await run([...holder.enter(), probe, 'attack', String(pid).trim()]);
    victim.kill('SIGKILL');
    return Object.fromEntries(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')),
    );
  }

  it('can’t be traced, read or robbed by its root', async () => {
    const results = await attack('hidden');
    expect(Object.keys(results)).toHaveLength(11);
    expect(Object.entries(results).filter(([, result]) => result === 'ok')).toEqual([]);
    expect(results).toMatchObject({ ptrace: 'EPERM', mem: 'EACCES', fd: 'EACCES', pidfd_getfd: 'EPERM', process_vm_readv: 'EPERM' });
  });

  it('could be, if it were traceable: the attack is a real one', async () => {
    expect(await attack('traceable')).toMatchObject({ ptrace: 'ok', process_vm_readv: 'ok', pidfd_getfd: 'ok' });
  });

  for (const [name, signal] of [
    ['stopped', 19],
    ['killed', 9],
  ] as const) {
    it(`that is ${name} there fails that one call at once, and no other`, async () => {
      using helper = new Helper();
      using holder = await Holder.start();
      native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, 524_288, 65_536], [65_536, 600_000, 65_536]), false);
      using inner = await Holder.start(['-U'], holder.enter());
      const storm = spawn('nsenter', [...holder.enter().slice(1), probe, 'storm', String(signal)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(storm.stdout, 'data');
      const outcomes = new Set<string>();
      for (let i = 0; i < 300; i++) {
        outcomes.add(outcome(() => native.helperReadMaps(helper.socket, holder.userNamespace)));
        // refused by the kernel: its parent does not hold these IDs. The writer is in the parent's reach all the while
        outcomes.add(outcome(() => native.helperWriteMaps(helper.socket, inner.userNamespace, maps([0, 1_000_000, 1]), false)));
      }
      storm.kill('SIGKILL');
      await once(storm, 'exit');
      expect([...outcomes].filter((code) => !['ok', 'EPERM', 'ECANCELED'].includes(code))).toEqual([]);
      expect(native.helperReadMaps(helper.socket, holder.userNamespace).uid).toHaveLength(2);
    });
  }
});
