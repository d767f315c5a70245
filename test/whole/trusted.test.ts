/** Images in trusted directories by the whole of a running Postern: nobody has signed them, and they are mounted in place, for a user and for the host. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, type MountedImage, type MountImageOptions, PosternClient } from '../../client/client.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { makeVolume } from '../luks/volumes.ts';
import { type Images, makeImages } from '../mounter/images.ts';
import { loops } from '../mounter/leaks.ts';
import { type Client, startClient } from '../mounter/namespace.ts';
import { connectAs } from '../support/connect-as.ts';
import { writeDisk } from '../support/disk.ts';
import { isRoot, run, Server } from '../support/serve.ts';

const ordinary = 1000;

/** A file system's identifier as blkid reads it; null where it has none. */
function uuidBy(path: string): string | null {
  const { stdout } = spawnSync('blkid', ['--probe', '--output', 'value', '--match-tag', 'UUID', path], { encoding: 'utf8' });
  return stdout.trim() || null;
}

describe.skipIf(!isRoot)('an image in a trusted directory (needs root)', () => {
  let images: Images;
  /** below /var/lib, since in a folder of everybody's no directory is root's alone */
  let folder: string;
  let trusted: string;
  let server: Server;
  let postern: PosternClient;
  let asRoot: PosternClient;
  let client: Client;
  let clients = 0;

  beforeAll(async () => {
    images = makeImages();
    folder = mkdtempSync('/var/lib/postern-trusted-');
    chmodSync(folder, 0o755);
    trusted = join(folder, 'images');
    // closed to all but root, as such directories are
    mkdirSync(trusted, { mode: 0o700 });
    const config = `[verity.routes]\ntrusted_directories = ["${trusted}", "${join(folder, 'absent')}"]\n`;
    server = await Server.start({ folder, config });
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });
  afterAll(async () => {
    postern?.close();
    asRoot?.close();
    await server?.stop();
    images?.[Symbol.dispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    client = await startClient();
    await postern.allocate({ name: `t${++clients}`, userNamespace: client.namespace });
    await client.do('become');
  });
  afterEach(async () => {
    await client[Symbol.asyncDispose]();
    for (const name of readdirSync(trusted)) rmSync(join(trusted, name), { recursive: true });
    await expect.poll(() => loops(trusted)).toEqual([]);
  });

  const put = (name: string, fileSystem: Parameters<Images['of']>[0] = 'squashfs') => {
    const path = join(trusted, name);
    copyFileSync(images.of(fileSystem), path);
    chmodSync(path, 0o644);
    return path;
  };
  const mountOf = async (path: string, options: Partial<MountImageOptions> = {}): Promise<MountedImage> => {
    using image = new Descriptor(openSync(path, 'r'));
    return postern.mountImage({ image, userNamespace: client.namespace, ...options });
  };
  const codeOf = async (path: string, options: Partial<MountImageOptions> = {}) => {
    try {
      (await mountOf(path, options)).close();
      return 'accepted';
    } catch (thrown) {
      return thrown instanceof CallError ? thrown.reason : String(thrown);
    }
  };

  it.each(['erofs', 'squashfs', 'ext4', 'xfs', 'btrfs'] as const)('is mounted for a user’s range: %s', async (fileSystem) => {
    const path = put('app.raw', fileSystem);
    const mounted = await mountOf(path);
    expect(mounted.facts).toMatchObject({ singleFileSystem: true, imagePolicy: '*', imageName: 'app' });
    expect(mounted.facts.imageUuid ?? null).toBe(uuidBy(path));
    expect(mounted.partitions).toMatchObject([{ designator: 'root', writable: false, fileSystemType: fileSystem, mountPoint: ['/'] }]);
    await client.attach(mounted.partitions.map(({ mount }) => mount));
    expect(await client.do('read', { file: 'greeting' })).toBe('hello\n');
    expect(await client.do('owner', { file: 'greeting' })).toBe('0:0');
    expect(await client.do('write', { file: 'greeting' })).toBe('EROFS');
    for (const flag of ['readOnly', 'noDevices']) expect(await client.do('clear', { flag }), flag).toBe('EPERM');
  });

  it('that is encrypted is refused where the kernel has no dm-crypt, and a password is nowhere to be seen', async (context) => {
    context.skip(existsSync('/sys/module/dm_crypt') || existsSync('/sys/module/dm_mod'), 'this kernel may have it: see the lab');
    const password = 'sesame, which nobody else says';
    const path = join(trusted, 'encrypted.raw');
    writeFileSync(path, makeVolume({ password, content: new Uint8Array(65536) }).bytes);
    expect(await codeOf(path, { password })).toBe('ENCRYPTION_UNSUPPORTED');
    expect(server.log).not.toContain('sesame');
  });

  it('has each of its partitions mounted', async () => {
    const path = join(trusted, 'disk.raw');
    writeDisk(path, [
      { designator: 'home', content: images.of('squashfs') },
      { designator: 'root', content: images.of('ext4') },
      { designator: 'tmp', content: images.of('erofs') },
    ]);
    const mounted = await mountOf(path);
    expect(mounted.facts).toMatchObject({ singleFileSystem: false, sectorSize: 512 });
    const told = mounted.partitions.map(({ designator, fileSystemType, mountPoint }) => [designator, fileSystemType, mountPoint?.[0]]);
    expect(told).toEqual([
      ['root', 'ext4', '/'],
      ['home', 'squashfs', '/home'],
      ['tmp', 'erofs', '/var/tmp'],
    ]);
    const [root, home, tmp] = mounted.partitions;
    if (root === undefined || home === undefined || tmp === undefined) throw new Error('a partition is missing');
    home.mount.close();
    root.mount.close();
    await client.attach([tmp.mount]);
    expect(await client.do('clear', { flag: 'noSuid' })).toBe('EPERM');
  });

  it('stands on one device for all who mount it, a partition too', async () => {
    const path = join(trusted, 'disk.raw');
    writeDisk(path, [{ designator: 'root', content: images.of('ext4') }]);
    const many = await Promise.all(Array.from({ length: 20 }, () => mountOf(path)));
    expect(loops(trusted)).toHaveLength(1);
    for (const each of many) each.close();
  });

  it('is mounted for the host, when root asks', async () => {
    using image = new Descriptor(openSync(put('app.raw'), 'r'));
    const mounted = await asRoot.mountImage({ image });
    const [root] = mounted.partitions;
    if (root === undefined) throw new Error('nothing was mounted');
    expect(readFileSync(`/proc/self/fd/${root.mount.fd}/greeting`, 'utf8')).toBe('hello\n');
    mounted.close();
  });

  it('is mounted for writing, when root passes a descriptor that can write', async () => {
    const path = put('app.raw', 'ext4');
    using image = new Descriptor(openSync(path, 'r+'));
    const mounted = await asRoot.mountImage({ image, userNamespace: client.namespace });
    expect(mounted.partitions).toMatchObject([{ writable: true }]);
    await client.attach(mounted.partitions.map(({ mount }) => mount));
    expect(await client.do('write', { file: 'new' })).toBe('ok');
    expect(await client.do('owner', { file: 'new' })).toBe('0:0');
    expect(await client.do('clear', { flag: 'noDevices' })).toBe('EPERM');
    // nobody else gets it for reading only meanwhile, whose kernel would not know what is written
    expect(await codeOf(path)).toBe('IMAGE_IN_USE');
    await client[Symbol.asyncDispose]();
    await expect.poll(() => loops(trusted)).toEqual([]);
    client = await startClient();
    await postern.allocate({ name: `t${++clients}`, userNamespace: client.namespace });
    await client.do('become');
    await client.attach((await mountOf(path)).partitions.map(({ mount }) => mount));
    // what is in the image belongs to the image's own IDs, and so to whoever mounts it next
    expect(await client.do('owner', { file: 'new' })).toBe('0:0');
  });

  it('is mounted read-only, when root says so or the partition does', async () => {
    const path = join(trusted, 'disk.raw');
    writeDisk(path, [
      { designator: 'root', content: images.of('ext4') },
      { designator: 'srv', content: images.of('ext4'), readOnly: true },
    ]);
    using image = new Descriptor(openSync(path, 'r+'));
    const mounted = await asRoot.mountImage({ image, userNamespace: client.namespace });
    expect(mounted.partitions.map(({ writable }) => writable)).toEqual([true, false]);
    mounted.close();
    await expect.poll(() => loops(trusted)).toEqual([]);
    const again = await asRoot.mountImage({ image, userNamespace: client.namespace, readOnly: true });
    expect(again.partitions.map(({ writable }) => writable)).toEqual([false, false]);
    again.close();
  });

  it('is not mounted for writing where it wants a check first', async () => {
    const path = put('app.raw', 'ext4');
    await run('tune2fs', ['-E', 'force_fsck', path]);
    using image = new Descriptor(openSync(path, 'r+'));
    await expect(asRoot.mountImage({ image, userNamespace: client.namespace })).rejects.toMatchObject({ reason: 'FILE_SYSTEM_UNCLEAN' });
    (await asRoot.mountImage({ image, userNamespace: client.namespace, readOnly: true })).close();
  });

  it('is refused in any other place', async () => {
    const elsewhere = join(folder, 'app.raw');
    renameSync(put('app.raw'), elsewhere);
    expect(await codeOf(elsewhere)).toBe('SIGNATURE_MISSING');
    symlinkSync(elsewhere, join(trusted, 'app.raw'));
    expect(await codeOf(join(trusted, 'app.raw'))).toBe('SIGNATURE_MISSING');
    mkdirSync(join(trusted, 'below'));
    renameSync(elsewhere, join(trusted, 'below/app.raw'));
    expect(await codeOf(join(trusted, 'below/app.raw'))).toBe('SIGNATURE_MISSING');
  });

  it('is refused where anybody but root could have changed it', async () => {
    const path = put('app.raw');
    chmodSync(path, 0o664);
    expect(await codeOf(path)).toBe('SIGNATURE_MISSING');
    chmodSync(path, 0o644);
    chownSync(path, ordinary, 0);
    expect(await codeOf(path)).toBe('SIGNATURE_MISSING');
  });

  it('is refused where options are given, as with systemd', async () => {
    expect(await codeOf(put('app.raw'), { mountOptions: { root: 'nosuid' } })).toBe('SIGNATURE_MISSING');
  });
});

describe.skipIf(!isRoot)('a server (needs root)', () => {
  it.each([
    ['that others may write in', 0o777, (folder: string) => folder, 'may be written to by others'],
    ['in a folder of everybody’s', 0o755, () => '/tmp', '/tmp may be written to by others'],
    ['by a link', 0o755, (folder: string) => join(folder, 'link'), 'is not a directory'],
  ])('trusts no directory %s', async (_what, mode, directoryOf, why) => {
    const folder = mkdtempSync('/var/lib/postern-trusted-');
    try {
      symlinkSync('/var/lib', join(folder, 'link'));
      chmodSync(folder, mode);
      const config = `[verity.routes]\ntrusted_directories = ["${directoryOf(folder)}"]\n`;
      await expect(Server.start({ folder, config })).rejects.toThrow(why);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
