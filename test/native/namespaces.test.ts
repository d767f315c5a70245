/** Namespaces: kind, owner, parent, and identities that are never mixed up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { namespaceTypes } from '../../native/constants.ts';
import { eventually, Helper, Holder, isRoot, maps, native, outcome } from './parts/native.ts';

describe('a namespace', () => {
  it('tells its kind', () => {
    for (const [name, type] of [
      ['user', namespaceTypes.CLONE_NEWUSER],
      ['mnt', namespaceTypes.CLONE_NEWNS],
      ['net', namespaceTypes.CLONE_NEWNET],
    ] as const) {
      const fd = openSync(`/proc/self/ns/${name}`, 'r');
      expect(native.namespaceType(fd)).toBe(type);
      closeSync(fd);
    }
    expect(outcome(() => native.namespaceType(0))).toBe('ENOTTY');
  });

  it('of ours is the same every time it is opened, and has no parent in sight', () => {
    const one = native.ownUserNamespace();
    const two = native.ownUserNamespace();
    expect(native.describe(one).inode).toBe(native.describe(two).inode);
    expect(native.namespaceId(one)).toBe(native.namespaceId(two));
    expect(native.namespaceParent(one)).toBeNull();
    native.close(one);
    native.close(two);
  });

  it.skipIf(!isRoot)('tells who made it', async () => {
    using own = await Holder.start();
    expect(native.namespaceOwner(own.userNamespace)).toBe(0);
    using others = await Holder.start(['-U'], ['setpriv', '--reuid', '1234', '--regid', '1234', '--clear-groups']);
    expect(native.namespaceOwner(others.userNamespace)).toBe(1234);
  });

  it.skipIf(!isRoot)('leads to its parent', async () => {
    using helper = new Helper();
    using outer = await Holder.start();
    native.helperWriteMaps(helper.socket, outer.userNamespace, maps([0, 524_288, 65_536]), false);
    using inner = await Holder.start(['-U'], outer.enter());
    const parent = native.namespaceParent(inner.userNamespace);
    expect(native.describe(parent ?? -1).inode).toBe(native.describe(outer.userNamespace).inode);
    native.close(parent ?? -1);
  });
});

it.skipIf(!isRoot)('a mount namespace is the one that a process is in', async () => {
  using holder = await Holder.start(['-U', '-m']);
  const pidfd = native.pidfdOpen(holder.pid);
  const found = native.processMountNamespace(pidfd, holder.pid);
  expect(native.describe(found ?? -1).inode).toBe(statSync(`/proc/${holder.pid}/ns/mnt`, { bigint: true }).ino);
  native.close(found ?? -1);
  native.close(pidfd);
});

it('a process that is gone has no namespace', async () => {
  const child = spawn('sleep', ['1000']);
  const pidfd = native.pidfdOpen(child.pid ?? 0);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(native.processMountNamespace(pidfd, child.pid ?? 0)).toBeNull();
  native.close(pidfd);
});

/** Kernels from 6.18 on have handles of namespaces. */
function hasHandles(): boolean {
  const own = native.ownUserNamespace();
  try {
    return native.namespaceHandle(own) !== null;
  } finally {
    native.close(own);
  }
}

describe.skipIf(!isRoot || !hasHandles())('the handle of a namespace', () => {
  it('opens it again while it lives, and pins nothing', async () => {
    const holder = await Holder.start();
    const handle = native.namespaceHandle(holder.userNamespace) ?? new Uint8Array();
    const id = native.namespaceId(holder.userNamespace);
    const again = native.openNamespace(handle);
    expect(native.namespaceId(again ?? -1)).toBe(id);
    native.close(again ?? -1);
    holder[Symbol.dispose]();
    await eventually(() => {
      const opened = native.openNamespace(handle);
      if (opened !== null) native.close(opened);
      return opened === null ? true : undefined;
    });
  });

  it('that is none is refused', () => {
    expect(outcome(() => native.openNamespace(new Uint8Array(2)))).toBe('EINVAL');
    expect(outcome(() => native.openNamespace(new Uint8Array(500)))).toBe('EINVAL');
    expect(outcome(() => expect(native.openNamespace(new Uint8Array(20))).toBeNull())).toMatch(/^(ok|E[A-Z]+)$/);
  });
});
