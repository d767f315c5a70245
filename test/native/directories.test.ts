/** Directories that strangers point at: who owns what is above them, and their mounts cloned out of another mount namespace. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, constants, existsSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountAttributes, openFlags } from '../../native/constants.ts';
import { Helper, isRoot, maps, native, outcome, scratch } from './parts/native.ts';

const { MOUNT_ATTR_RDONLY, MOUNT_ATTR_NODEV } = mountAttributes;

/** Uses a descriptor and closes it. */
function withOpen<T>(path: string, flags: number, use: (fd: number) => T): T {
  const fd = openSync(path, flags);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
const pointed = constants.O_DIRECTORY | openFlags.O_PATH;
const ownersAbove = (path: string, limit = 16) => withOpen(path, pointed, (fd) => native.ownersAbove(fd, limit));

describe.skipIf(!isRoot)('the owners above a directory', () => {
  function tower(folder: string): string {
    const path = join(folder, 'a/b/c');
    mkdirSync(path, { recursive: true });
    chownSync(join(folder, 'a'), 1001, 0);
    chownSync(join(folder, 'a/b'), 1002, 0);
    return path;
  }

  it('are told nearest first, as many as asked for', () => {
    using place = scratch();
    expect(ownersAbove(tower(place.path), 2)).toEqual([1002, 1001]);
    expect(ownersAbove(tower(place.path), 0)).toEqual([]);
  });

  it('end at the root of the mount', () => {
    using place = scratch();
    const path = tower(place.path);
    execFileSync('mount', ['--bind', join(place.path, 'a'), join(place.path, 'a')]);
    try {
      expect(ownersAbove(path)).toEqual([1002, 1001]);
      expect(ownersAbove('/')).toEqual([]);
    } finally {
      execFileSync('umount', [join(place.path, 'a')]);
    }
  });
});

describe.skipIf(!isRoot)('the clone of a directory', () => {
  const clone = (helper: Helper, path: string, attributes = 0, namespace = '/proc/self/ns/mnt') =>
    withOpen(path, pointed, (directory) =>
      withOpen(namespace, constants.O_RDONLY, (mounts) => native.helperCloneDirectory(helper.socket, directory, mounts, attributes)),
    );

  it('is of that very directory, with what is set, and needs no name', () => {
    using helper = new Helper();
    using place = scratch();
    writeFileSync(join(place.path, 'file'), '');
    const fd = clone(helper, place.path, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV);
    expect(readdirSync(`/proc/self/fd/${fd}`)).toEqual(['file']);
    expect(outcome(() => writeFileSync(`/proc/self/fd/${fd}/new`, ''))).toBe('EROFS');
    expect(existsSync(join(place.path, 'new'))).toBe(false);
    native.close(fd);
  });

  it('is refused where the directory is not in that mount namespace', async () => {
    using helper = new Helper();
    using place = scratch();
    const elsewhere = spawn('unshare', ['--mount', 'sh', '-c', 'echo; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] });
    await once(elsewhere.stdout, 'data');
    expect(outcome(() => clone(helper, place.path, 0, `/proc/${elsewhere.pid}/ns/mnt`))).toBe('EINVAL');
    const inside = `/proc/${elsewhere.pid}/root${place.path}`;
    expect(outcome(() => clone(helper, inside))).toBe('EINVAL');
    native.close(clone(helper, inside, 0, `/proc/${elsewhere.pid}/ns/mnt`));
    elsewhere.kill('SIGKILL');
    await once(elsewhere, 'exit');
  });

  it('is refused of what is no mount namespace', () => {
    using helper = new Helper();
    expect(outcome(() => clone(helper, '/', 0, '/proc/self/ns/net'))).toBe('EINVAL');
    expect(outcome(() => clone(helper, '/', 0, '/dev/null'))).toBe('EINVAL');
  });
});

describe.skipIf(!isRoot)('a namespace for an ID map', () => {
  it('has the maps, and nobody in it', () => {
    using helper = new Helper();
    const wanted = maps([2147352576, 524_288, 65_536]);
    const fd = native.helperMakeNamespace(helper.socket, wanted);
    expect(native.helperReadMaps(helper.socket, fd)).toEqual(wanted);
    expect(native.namespaceOwner(fd)).toBe(0);
    native.close(fd);
  });

  it('is not made with maps that the kernel does not take', () => {
    using helper = new Helper();
    expect(outcome(() => native.helperMakeNamespace(helper.socket, maps([0, 524_288, 10], [5, 589_824, 10])))).toBe('EINVAL');
  });
});
