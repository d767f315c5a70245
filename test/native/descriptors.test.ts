/** What the kernel says a descriptor is, read without a guess. */
import { closeSync, constants, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { namespaceTypes, openFlags } from '../../native/constants.ts';
import { detachedTmpfs, isRoot, native, outcome, scratch } from './parts/native.ts';

function factsOf(path: string, flags: number) {
  const fd = openSync(path, flags);
  try {
    return native.describe(fd);
  } finally {
    closeSync(fd);
  }
}

describe('a descriptor is described', () => {
  it('by what it was opened as', () => {
    using folder = scratch();
    const file = join(folder.path, 'file');
    writeFileSync(file, 'twelve bytes');
    expect(factsOf(file, constants.O_RDONLY)).toMatchObject({ type: 'regular', access: 'read', size: 12 });
    expect(factsOf(file, constants.O_WRONLY)).toMatchObject({ access: 'write' });
    expect(factsOf(file, constants.O_RDWR)).toMatchObject({ access: 'read-write' });
    expect(factsOf(file, openFlags.O_PATH)).toMatchObject({ type: 'regular', access: 'path', size: 12 });
    expect(factsOf(folder.path, constants.O_RDONLY)).toMatchObject({ type: 'directory', isMountRoot: false });
    expect(factsOf('/dev/null', constants.O_RDONLY)).toMatchObject({ type: 'character' });
  });

  it('as neither readable nor writable when opened for ioctls only', () => {
    expect(factsOf('/dev/null', openFlags.O_ACCMODE)).toMatchObject({ access: 'path' });
  });

  it('as a namespace of its kind', () => {
    expect(factsOf('/proc/self/ns/user', constants.O_RDONLY)).toMatchObject({
      type: 'namespace',
      namespaceType: namespaceTypes.CLONE_NEWUSER,
    });
    expect(factsOf('/proc/self/ns/mnt', constants.O_RDONLY)).toMatchObject({ namespaceType: namespaceTypes.CLONE_NEWNS });
  });

  it('as no namespace when it is only the path of one', () => {
    expect(factsOf('/proc/self/ns/user', openFlags.O_PATH)).toMatchObject({ type: 'other', namespaceType: 0, access: 'path' });
  });

  it('as a process', () => {
    const pidfd = native.pidfdOpen(process.pid);
    expect(native.describe(pidfd)).toMatchObject({ type: 'process' });
    native.close(pidfd);
  });

  it('as the kind of socket it is', () => {
    using folder = scratch();
    const listener = native.listen(join(folder.path, 'socket'), 0o600, 1);
    const [one, other] = native.socketPair(65536);
    expect(native.describe(listener)).toMatchObject({ type: 'socket', socketType: 'stream', isUnixSocket: true, listening: true });
    expect(native.describe(one)).toMatchObject({ type: 'socket', socketType: 'seqpacket', isUnixSocket: true, listening: false });
    for (const fd of [listener, one, other]) native.close(fd);
  });

  it.skipIf(!isRoot)('as the root of its mount', () => {
    const mount = detachedTmpfs(0);
    expect(native.describe(mount)).toMatchObject({ type: 'directory', isMountRoot: true, access: 'path' });
    native.close(mount);
  });
});

describe('a descriptor', () => {
  it('is closed on exec when it is a copy', () => {
    const copy = native.duplicate(0);
    const flags = readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8');
    expect(Number.parseInt(/flags:\s+(\d+)/.exec(flags)?.[1] ?? '0', 8) & openFlags.O_CLOEXEC).toBe(openFlags.O_CLOEXEC);
    expect(copy).toBeGreaterThan(2);
    native.setCloseOnExec(copy, false);
    const after = readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8');
    expect(Number.parseInt(/flags:\s+(\d+)/.exec(after)?.[1] ?? '0', 8) & openFlags.O_CLOEXEC).toBe(0);
    native.close(copy);
  });

  it('that is closed twice says so', () => {
    const copy = native.duplicate(0);
    native.close(copy);
    expect(outcome(() => native.close(copy))).toBe('EBADF');
  });

  it('of a file tells whether somebody else has the file open', () => {
    using folder = scratch();
    const path = join(folder.path, 'file');
    writeFileSync(path, '');
    const fd = openSync(path, constants.O_RDONLY);
    expect(native.isOpenElsewhere(fd)).toBe(false);
    const second = openSync(path, constants.O_RDONLY);
    expect(native.isOpenElsewhere(fd)).toBe(true);
    closeSync(second);
    expect(native.isOpenElsewhere(fd)).toBe(false);
    closeSync(fd);
  });

  it('of a file without a name gets one, and never takes another file’s', () => {
    using folder = scratch();
    const directory = openSync(folder.path, constants.O_RDONLY);
    const fd = openSync(folder.path, constants.O_RDWR | openFlags.O_TMPFILE);
    writeFileSync(fd, 'kept');
    expect(native.linkDescriptor(fd, directory, 'name')).toBe(true);
    expect(native.linkDescriptor(fd, directory, 'name')).toBe(false);
    expect(readFileSync(join(folder.path, 'name'), 'utf8')).toBe('kept');
    closeSync(fd);
    closeSync(directory);
  });
});
