/** The helper through garbage, errors, hang-ups and its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mountAttributes } from '../../native/constants.ts';
import {
  addonPath,
  detachedTmpfs,
  eventually,
  Helper,
  Holder,
  helperPath,
  isRoot,
  leaked,
  maps,
  native,
  openDescriptors,
  outcome,
} from './parts/native.ts';

/** The children of a process that are alive or not yet reaped. */
function children(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((child) => child !== '');
}

/** Its descriptors once it has closed those of its last request, which it answers first. */
async function descriptorsAtRest(pid: number, expected: number): Promise<string[]> {
  return await eventually(() => {
    const open = openDescriptors(pid);
    return open.length <= expected ? open : undefined;
  });
}

/** 0, 1, 2, its socket; and what it opens itself: /proc, its own namespace, fs.suid_dumpable. */
const ownDescriptors = ['0', '1', '2', '3', '4', '5', '6'];

describe.skipIf(!isRoot)('the helper', () => {
  it('answers on after any garbage', async () => {
    using helper = new Helper();
    const own = native.ownUserNamespace();
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 600 }), fc.integer({ min: 0, max: 20 }), (bytes, count) => {
        native.send(helper.socket, bytes, Array(count).fill(0));
        return native.helperReadMaps(helper.socket, own).uid.length === 1;
      }),
      { numRuns: 200 },
    );
    native.close(own);
    expect(await descriptorsAtRest(helper.pid, ownDescriptors.length)).toEqual(ownDescriptors);
  });

  it('takes no more descriptors than it has room for', async () => {
    using helper = new Helper();
    const own = native.ownUserNamespace();
    for (let count = 15; count <= 20; count++) {
      native.send(helper.socket, new Uint8Array(1), Array(count).fill(0));
      expect(native.helperReadMaps(helper.socket, own).uid).toHaveLength(1);
    }
    native.close(own);
    expect(await descriptorsAtRest(helper.pid, ownDescriptors.length)).toEqual(ownDescriptors);
  });

  it('keeps no descriptor, process or mount of any request, good or bad', async () => {
    using helper = new Helper();
    using holder = await Holder.start();
    const round = () => {
      native.helperReadMaps(helper.socket, holder.userNamespace);
      outcome(() => native.helperReadMaps(helper.socket, 0));
      outcome(() => native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, 524_288, 1], [0, 524_288, 1]), false));
      outcome(() => native.helperWriteMaps(helper.socket, 0, maps([0, 524_288, 1]), false));
      const mount = detachedTmpfs(mountAttributes.MOUNT_ATTR_NODEV);
      for (const fd of native.helperLockMounts(helper.socket, [mount])) native.close(fd);
      outcome(() => native.helperLockMounts(helper.socket, [mount, 0]));
      native.close(mount);
    };
    round();
    const before = ownDescriptors.length + 1; // and the socket to the mirror
    expect(
      await leaked(() => {
        for (let i = 0; i < 100; i++) round();
      }),
    ).toBe(0);
    expect(await descriptorsAtRest(helper.pid, before)).toHaveLength(before);
    expect(children(helper.pid)).toHaveLength(1); // the mirror
    const [mirror] = children(helper.pid);
    expect(await descriptorsAtRest(Number(mirror), 1)).toHaveLength(1);
  });

  it('ends by itself when its socket ends, and its mirror with it', async () => {
    const { socket, pid } = native.spawnHelper(helperPath);
    const mount = detachedTmpfs(0);
    for (const fd of native.helperLockMounts(socket, [mount])) native.close(fd);
    native.close(mount);
    const [mirror] = children(pid);
    native.close(socket);
    expect(await eventually(() => native.reap(pid) ?? undefined)).toBe(0);
    await eventually(() => (outcome(() => readFileSync(`/proc/${mirror}/stat`)) === 'ENOENT' ? true : undefined));
  });

  it('that was killed fails the call, and leaves nothing behind in the caller', async () => {
    const own = native.ownUserNamespace();
    expect(
      await leaked(async () => {
        const { socket, pid } = native.spawnHelper(helperPath);
        process.kill(pid, 'SIGKILL');
        expect(await eventually(() => native.reap(pid) ?? undefined)).toBe(128 + 9);
        expect(['EPIPE', 'ECONNRESET']).toContain(outcome(() => native.helperReadMaps(socket, own)));
        native.close(socket);
      }),
    ).toBe(0);
    native.close(own);
  });

  it('that hangs ends the call in time, and a late answer goes nowhere', () => {
    using helper = new Helper();
    const own = native.ownUserNamespace();
    process.kill(helper.pid, 'SIGSTOP');
    expect(outcome(() => native.helperReadMaps(helper.socket, own))).toBe('ETIMEDOUT');
    process.kill(helper.pid, 'SIGCONT');
    expect(native.helperReadMaps(helper.socket, own).uid).toHaveLength(1);
    native.close(own);
  });

  it('dies with the process that started it', async () => {
    const script = `
      const { pid, socket } = require(${JSON.stringify(addonPath)}).spawnHelper(${JSON.stringify(helperPath)});
      require('node:fs').writeSync(1, String(pid));
      setInterval(() => socket, 1000);`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [pid] = await once(parent.stdout, 'data');
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await eventually(() => (outcome(() => process.kill(Number(pid), 0)) === 'ESRCH' ? true : undefined));
  });

  it('inherits nothing but its socket and standard error', async () => {
    const extra = native.duplicate(0);
    native.setCloseOnExec(extra, false);
    using helper = new Helper();
    const own = native.ownUserNamespace();
    native.helperReadMaps(helper.socket, own);
    native.close(own);
    native.close(extra);
    expect(await descriptorsAtRest(helper.pid, ownDescriptors.length)).toEqual(ownDescriptors);
  });

  it('that is no program says so', () => {
    expect(outcome(() => native.spawnHelper('/nowhere/helper'))).toBe('ENOENT');
    expect(outcome(() => native.spawnHelper('/etc/passwd'))).toBe('EACCES');
  });
});
