/** A mount that was locked stays as it is, whatever its new owner tries. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountAttributes, openTreeFlags, unmountFlags } from '../../native/constants.ts';
import { detachedTmpfs, eventually, Helper, inNewNamespaces, isRoot, native, outcome, runNode, scratch } from './parts/native.ts';
import { buildProbe } from './parts/probe.ts';

const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC } = mountAttributes;
const flags = { ro: MOUNT_ATTR_RDONLY, nosuid: MOUNT_ATTR_NOSUID, nodev: MOUNT_ATTR_NODEV, noexec: MOUNT_ATTR_NOEXEC };
const all = Object.values(flags).reduce((sum, flag) => sum | flag, 0);

/** Each flag is tried alone: together, one that is locked would hide one that is not. */
const clearEach = (fd: number) => Object.values(flags).map((flag) => ['mountSetattr', fd, 0, flag, null, false] as const);

/** Locks detached mounts and closes the originals. */
function lock(helper: Helper, ...originals: number[]): number[] {
  const locked = native.helperLockMounts(helper.socket, originals);
  for (const fd of originals) native.close(fd);
  return locked;
}

/** What was locked leaves the helper a moment after the answer. */
async function stageIsEmpty(helper: Helper): Promise<void> {
  const mounts = () => readText(`/proc/${helper.pid}/mountinfo`).trim().split('\n');
  await eventually(() => (mounts().length === 1 ? true : undefined));
}

describe.skipIf(!isRoot)('the flags of a mount', () => {
  it('can be cleared by its new owner as long as nobody locks them', async () => {
    const mount = detachedTmpfs(all);
    expect(await inNewNamespaces([...clearEach(3), ['moveMount', 3, '/mnt'], ...clearEach(3)], [mount])).toEqual(Array(9).fill('ok'));
    native.close(mount);
  });

  for (let set = 0; set < 16; set++) {
    const chosen = Object.entries(flags).filter((_, i) => (set >> i) & 1);
    const names = chosen.map(([name]) => name).join(',') || 'none';
    it(`are locked, those that are set and no others: ${names}`, async () => {
      using helper = new Helper();
      const attributes = chosen.reduce((sum, [, flag]) => sum | flag, 0);
      const [mount] = lock(helper, detachedTmpfs(attributes));
      const expected = Object.values(flags).map((flag) => ((attributes & flag) !== 0 ? 'EPERM' : 'ok'));
      const outcomes = await inNewNamespaces([...clearEach(3), ['moveMount', 3, '/mnt'], ...clearEach(3)], [mount ?? -1]);
      expect(outcomes).toEqual([...expected, 'ok', ...expected]);
      native.close(mount ?? -1);
    });
  }

  it('stay locked on a bind mount, on a clone, and in a namespace below', async () => {
    using helper = new Helper();
    const [mount] = lock(helper, detachedTmpfs(all));
    const script = `
      const { execFileSync, spawnSync } = require('node:child_process');
      const fs = require('node:fs');
      const clear = (fd) => ${JSON.stringify(Object.values(flags))}.map((flag) => {
        try { native.mountSetattr(fd, 0, flag, null, false); return 'ok'; } catch (error) { return error.code; }
      });
      const result = {};
      native.moveMount(3, '/mnt');
      const clone = native.openTree(null, '/mnt', ${openTreeFlags.OPEN_TREE_CLONE});
      result.clone = clear(clone);
      native.moveMount(clone, '/srv');
      result.movedClone = clear(clone);
      execFileSync('mount', ['--bind', '/mnt', '/media']);
      const bind = native.openTree(null, '/media', 0);
      result.bind = clear(bind);
      result.remount = ['remount,bind,rw,suid,dev,exec', 'remount,rw', 'remount,bind,suid'].map((options) =>
        spawnSync('mount', ['-o', options, '/mnt'], { stdio: 'ignore' }).status === 0);
      if (process.env.DEEPER) {
        result.below = spawnSync('unshare', ['-U', '-r', '-m', process.execPath, '-e', process.env.DEEPER], {
          env: {}, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).stdout;
      }
      result.flags = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').filter((line) => / \\/(mnt|srv|media) /.test(line)).map((line) => line.split(' ')[5].split(',').slice(0, 4).join());
      console.log(JSON.stringify(result));`;
    const deeper = `
      const native = require(${JSON.stringify(join(import.meta.dirname, '../../native/build/Release/postern.node'))});
      const outcomes = ['/mnt', '/srv', '/media'].flatMap((path) => {
        const fd = native.openTree(null, path, 0);
        return ${JSON.stringify(Object.values(flags))}.map((flag) => { try { native.mountSetattr(fd, 0, flag, null, false); return 'ok'; } catch (error) { return error.code; } });
      });
      console.log(JSON.stringify(outcomes));`;
    const { stdout, stderr } = await runNode(
      script,
      [mount ?? -1],
      ['unshare', '-U', '-r', '-m', '--propagation', 'private', 'env', `DEEPER=${deeper}`],
    );
    native.close(mount ?? -1);
    const refused = Array(4).fill('EPERM');
    expect(JSON.parse(stdout === '' ? JSON.stringify({ stderr }) : stdout)).toEqual({
      clone: refused,
      movedClone: refused,
      bind: refused,
      remount: [false, false, false],
      below: `${JSON.stringify(Array(12).fill('EPERM'))}\n`,
      flags: Array(3).fill('ro,nosuid,nodev,noexec'),
    });
  });

  it('keep a device node from being opened, by whoever mounted it', async () => {
    using folder = scratch();
    using helper = new Helper();
    const probe = buildProbe(folder.path);
    // The node is made while the mount is the host's; a detached clone of the same tmpfs goes on to the stranger.
    const place = join(folder.path, 'place');
    mkdirSync(place);
    const mount = detachedTmpfs(0);
    native.moveMount(mount, place);
    execFileSync('mknod', ['-m', '666', join(place, 'null'), 'c', '1', '3']);
    const shut = native.openTree(null, place, openTreeFlags.OPEN_TREE_CLONE);
    native.mountSetattr(shut, MOUNT_ATTR_NODEV, 0, null, false);
    const open = native.openTree(null, place, openTreeFlags.OPEN_TREE_CLONE);
    native.unmount(place, unmountFlags.MNT_DETACH);
    native.close(mount);

    const script = `
      native.moveMount(3, '/mnt');
      try { native.mountSetattr(3, 0, ${MOUNT_ATTR_NODEV}, null, false); } catch {}
      process.stdout.write(require('node:child_process').execFileSync(${JSON.stringify(probe)}, ['device', '/mnt/null']));`;
    const [locked] = lock(helper, shut);
    const attempt = async (fd: number) => {
      const { stdout } = await runNode(script, [fd], ['unshare', '-U', '-r', '-m', '--propagation', 'private']);
      native.close(fd);
      return stdout;
    };
    expect(await attempt(open)).toBe('open ok\n'); // what a mount without the flag allows
    expect(await attempt(locked ?? -1)).toBe('open EACCES\n');
  });
});

describe.skipIf(!isRoot)('a locked mount', () => {
  it('is a mount like any other: moved, cloned, unmounted', async () => {
    using helper = new Helper();
    const [mount] = lock(helper, detachedTmpfs(all));
    const script = `
      const { execFileSync } = require('node:child_process');
      native.moveMount(3, '/mnt');
      const clone = native.openTree(null, '/mnt', ${openTreeFlags.OPEN_TREE_CLONE});
      native.moveMount(clone, '/srv');
      native.close(clone);
      native.close(3);
      execFileSync('umount', ['/srv']);
      execFileSync('umount', ['-l', '/mnt']); // the other end still has a descriptor of this one
      console.log(require('node:fs').readFileSync('/proc/self/mountinfo', 'utf8').match(/ \\/(mnt|srv) /g));`;
    const { stdout, stderr } = await runNode(script, [mount ?? -1], ['unshare', '-U', '-r', '-m', '--propagation', 'private']);
    native.close(mount ?? -1);
    expect(stderr).toBe('');
    expect(stdout).toBe('null\n');
  });

  it('comes in the order and number that were asked, with what is in it', () => {
    using folder = scratch();
    using helper = new Helper();
    const originals = Array.from({ length: 16 }, (_, i) => {
      const mount = detachedTmpfs(0);
      writeFileSync(`/proc/self/fd/${mount}/name`, String(i));
      return mount;
    });
    const locked = lock(helper, ...originals);
    expect(locked.map((fd) => readdirSync(`/proc/self/fd/${fd}`))).toEqual(Array(16).fill(['name']));
    expect(locked.map((fd) => native.describe(fd).isMountRoot)).toEqual(Array(16).fill(true));
    native.moveMount(locked[7] ?? -1, folder.path);
    expect(readdirSync(folder.path)).toEqual(['name']);
    native.unmount(folder.path, unmountFlags.MNT_DETACH);
    for (const fd of locked) native.close(fd);
  });

  it('shows nothing of the place where it was locked', () => {
    using folder = scratch();
    using helper = new Helper();
    const [mount] = lock(helper, detachedTmpfs(MOUNT_ATTR_RDONLY));
    expect(readdirSync(`/proc/self/fd/${mount}/..`)).toEqual([]);
    native.moveMount(mount ?? -1, folder.path);
    // no peer group, no master: nothing that is mounted elsewhere can show up in it
    const line = (folderPath: string) =>
      readText('/proc/self/mountinfo')
        .split('\n')
        .find((entry) => entry.includes(` ${folderPath} `));
    expect(line(folder.path)).not.toMatch(/master:|propagate_from:/);
    native.unmount(folder.path, unmountFlags.MNT_DETACH);
    native.close(mount ?? -1);
  });

  it('holds nothing but itself: the file system is gone with its last descriptor', async () => {
    using helper = new Helper();
    const count = () => readText('/proc/self/mountinfo').split('\n').length;
    const before = count();
    for (let i = 0; i < 100; i++) native.close(lock(helper, detachedTmpfs(all))[0] ?? -1);
    expect(count()).toBe(before);
    await stageIsEmpty(helper);
  });
});

describe.skipIf(!isRoot)('locking', () => {
  it('of what is no mount is refused, and what came before it is let go', async () => {
    using helper = new Helper();
    const mount = detachedTmpfs(0);
    expect(outcome(() => native.helperLockMounts(helper.socket, [mount, 0]))).toBe('EINVAL');
    expect(outcome(() => native.helperLockMounts(helper.socket, [0]))).toBe('EINVAL');
    native.close(mount);
    const [locked] = lock(helper, detachedTmpfs(all));
    expect(locked).toBeGreaterThan(2);
    native.close(locked ?? -1);
    await stageIsEmpty(helper);
  });

  it('of more mounts than an image can have is refused', () => {
    using helper = new Helper();
    expect(outcome(() => native.helperLockMounts(helper.socket, Array(17).fill(0)))).toBe('ERR_INVALID_ARG_TYPE');
    expect(native.helperLockMounts(helper.socket, [])).toEqual([]);
  });
});

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}
