/** File systems, mounts and loop devices, as the kernel's own interface has them. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fileSystemMagics, mountAttributes, openTreeFlags, unmountFlags } from '../../native/constants.ts';
import { detachedTmpfs, Helper, Holder, isRoot, leaked, maps, native, outcome, scratch } from './parts/native.ts';

describe.skipIf(!isRoot)('a file system', () => {
  it('is made, mounted out of sight, put in place and taken away', () => {
    using folder = scratch();
    const context = native.fsopen('tmpfs');
    native.fsconfigString(context, 'mode', '0750');
    native.fsconfigFlag(context, 'noswap');
    native.fsconfigCreate(context);
    const mount = native.fsmount(context, mountAttributes.MOUNT_ATTR_RDONLY);
    expect(native.describe(mount)).toMatchObject({ isMountRoot: true, mode: 0o40750, fileSystemMagic: fileSystemMagics.TMPFS_MAGIC });
    native.moveMount(mount, folder.path);
    expect(outcome(() => writeFileSync(join(folder.path, 'x'), ''))).toBe('EROFS');
    native.mountSetattr(mount, 0, mountAttributes.MOUNT_ATTR_RDONLY, null, false);
    writeFileSync(join(folder.path, 'x'), '');
    const clone = native.openTree(null, folder.path, openTreeFlags.OPEN_TREE_CLONE);
    native.unmount(folder.path, unmountFlags.MNT_DETACH);
    expect(readdirSync(folder.path)).toEqual([]);
    expect(readdirSync(`/proc/self/fd/${clone}`)).toEqual(['x']);
    for (const fd of [context, mount, clone]) native.close(fd);
  });

  it('that is refused leaves the kernel’s own words', () => {
    const context = native.fsopen('ext4');
    expect(outcome(() => native.fsconfigString(context, 'no_such_option', '1'))).toBe('EINVAL');
    expect(native.fsMessages(context).join('\n')).toContain('no_such_option');
    expect(native.fsMessages(context)).toEqual([]);
    native.close(context);
  });

  it('of an unknown kind says so', () => {
    expect(outcome(() => native.fsopen('nofs'))).toBe('ENODEV');
  });

  it('shows the IDs of a user namespace', async () => {
    using folder = scratch();
    using helper = new Helper();
    using holder = await Holder.start();
    const mount = detachedTmpfs(0);
    expect(outcome(() => native.mountSetattr(mount, 0, 0, holder.userNamespace, false))).toBe('EINVAL'); // nothing mapped yet
    native.helperWriteMaps(helper.socket, holder.userNamespace, maps([0, 524_288, 65_536]), false);
    native.mountSetattr(mount, 0, 0, holder.userNamespace, false);
    expect(native.describe(mount)).toMatchObject({ uid: 524_288, gid: 524_288 });
    native.moveMount(mount, folder.path);
    native.unmount(folder.path, unmountFlags.MNT_DETACH);
    native.close(mount);
  });

  it('comes and goes without leaving a descriptor, on error paths too', async () => {
    expect(
      await leaked(() => {
        for (let i = 0; i < 200; i++) {
          native.close(detachedTmpfs(0));
          outcome(() => native.fsopen('nofs'));
          outcome(() => native.openTree(null, '/nowhere', 0));
          outcome(() => native.moveMount(0, '/nowhere'));
        }
      }),
    ).toBe(0);
  });
});

describe.skipIf(!isRoot)('a loop device', () => {
  it('shows a part of a file, read-only, and lets go of it with its last user', () => {
    using folder = scratch();
    const image = join(folder.path, 'image');
    writeFileSync(image, '');
    truncateSync(image, 1 << 20);
    const control = openSync('/dev/loop-control', 'r+');
    const file = openSync(image, 'r');
    const device = `/dev/loop${native.loopGetFree(control)}`;
    const loop = openSync(device, 'r');
    native.loopConfigure(loop, file, {
      readOnly: true,
      autoclear: true,
      directIo: false,
      offset: 4096,
      sizeLimit: 65_536,
      blockSize: 4096,
    });
    expect(native.describe(loop)).toMatchObject({ type: 'block', size: 65_536 });
    expect(outcome(() => native.loopConfigure(loop, file, { ...options, offset: 0 }))).toBe('EBUSY');
    expect(execFileSync('cat', [`/sys/block/${device.slice(5)}/ro`], { encoding: 'utf8' })).toBe('1\n');
    for (const fd of [loop, file, control]) closeSync(fd);
  });

  it('without a file can’t be cleared', () => {
    const control = openSync('/dev/loop-control', 'r+');
    const loop = openSync(`/dev/loop${native.loopGetFree(control)}`, 'r');
    expect(outcome(() => native.loopClear(loop))).toBe('ENXIO');
    expect(outcome(() => native.loopConfigure(loop, 0, options))).not.toBe('ok');
    for (const fd of [loop, control]) closeSync(fd);
  });
});

const options = { readOnly: true, autoclear: true, directIo: false, offset: 0, sizeLimit: 0, blockSize: 512 };
