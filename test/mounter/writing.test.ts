/** Mounts for writing: one superblock for all of one file, never beside one for reading only, and as large as what the file system lies in. */
import { copyFileSync, statfsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { helper } from './helper.ts';
import { type FileSystemName, type Images, makeImages } from './images.ts';
import { atRest, loops, settled, type Traces } from './leaks.ts';
import { type Client, startMappedClient } from './namespace.ts';
import { isRoot, make, mount, type Wanted, workshop } from './workbench.ts';

const mebibyte = 1024 * 1024;

describe.skipIf(!isRoot)('a mount for writing (needs root)', () => {
  let images: Images;
  let client: Client;
  let before: Traces;
  let copies = 0;
  beforeAll(async () => {
    images = makeImages();
    for (const name of ['ext4', 'xfs', 'btrfs'] as const) images.of(name);
    helper();
    client = await startMappedClient();
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    images[Symbol.dispose]();
  });
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  const copyOf = (fileSystem: FileSystemName, size?: number): Wanted => {
    const path = join(images.folder, `copy${++copies}.img`);
    copyFileSync(images.of(fileSystem), path);
    if (size !== undefined) truncateSync(path, size);
    return { path, fileSystem, writable: true };
  };

  it('shares its superblock with every other of the same file', async () => {
    const wanted = copyOf('ext4');
    const shop = workshop();
    const [one, other] = [...(await mount([wanted], null, shop)), ...(await mount([wanted], null, shop))];
    if (one === undefined || other === undefined) throw new Error('two mounts are needed');
    writeFileSync(`/proc/self/fd/${one.fd}/new`, 'written');
    expect(loops(images.folder)).toHaveLength(1);
    expect(statfsSync(`/proc/self/fd/${other.fd}/new`).type).toBe(0xef53);
    closeAll([one, other]);
    await settled(before);
  });

  it('is refused beside one for reading only, and the other way round', async () => {
    const wanted = copyOf('ext4');
    const shop = workshop();
    const reading = await mount([{ ...wanted, writable: false }], null, shop);
    await expect(mount([wanted], null, shop)).rejects.toMatchObject({ code: 'IMAGE_IN_USE' });
    closeAll(reading);
    await settled(before);
    const writing = await mount([wanted], null, shop);
    await expect(mount([{ ...wanted, writable: false }], null, shop)).rejects.toMatchObject({ code: 'IMAGE_IN_USE' });
    closeAll(writing);
    await settled(before);
  });

  it('of a part of a file leaves what is beside it alone', async () => {
    const { path } = copyOf('ext4', 64 * mebibyte);
    const part = { offset: 0, size: 16 * mebibyte, shared: true };
    const other = { offset: 32 * mebibyte, size: 16 * mebibyte, shared: true };
    const shop = workshop();
    const mounts = await mount([{ path, fileSystem: 'ext4', writable: true, part }], null, shop);
    await expect(mount([{ path, fileSystem: 'ext4', writable: false, part: other }], null, shop)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
    });
    closeAll(mounts);
    await settled(before);
  });

  for (const [fileSystem, size] of [
    // of less than 256 MiB it grows none
    ['btrfs', 300 * mebibyte],
    ['xfs', 400 * mebibyte],
  ] as const) {
    it(`grows to what it lies in, where that is asked for: ${fileSystem}`, async () => {
      const wanted = copyOf(fileSystem, size);
      const [small] = await make([wanted], client.namespace);
      if (small === undefined) throw new Error('a mount is needed');
      const sizeOf = (fd: number) => {
        const { blocks, bsize } = statfsSync(`/proc/self/fd/${fd}`);
        return blocks * bsize;
      };
      expect(small.growth).toBeNull();
      const smallSize = sizeOf(small.mount.fd);
      closeAll([small.mount]);
      await settled(before);
      for (let time = 0; time < 2; time++) {
        const [grown] = await make([{ ...wanted, grow: true, size }], client.namespace);
        if (grown === undefined) throw new Error('a mount is needed');
        expect(grown.growth).toBe('done');
        expect(sizeOf(grown.mount.fd) - smallSize).toBeGreaterThan(50 * mebibyte);
        closeAll([grown.mount]);
        await settled(before);
      }
    });
  }

  it('stays as small as it is where the kernel refuses to grow it, and says so', async () => {
    const kernel = new Proxy(native, {
      get: (target, property, receiver) =>
        property === 'growFileSystem'
          ? () => {
              throw Object.assign(new Error('refused'), { code: 'EPERM', errno: -1, syscall: 'ioctl' });
            }
          : Reflect.get(target, property, receiver),
    });
    const [made] = await make([{ ...copyOf('ext4'), grow: true, size: 32 * mebibyte }], client.namespace, workshop(kernel));
    expect(made?.growth).toEqual({ refused: 'ioctl: EPERM' });
    closeAll(made === undefined ? [] : [made.mount]);
    await settled(before);
  });

  it('is none of a file system that can’t be written to, and grows nothing that is only read', async () => {
    const [made] = await make([{ ...copyOf('ext4'), writable: false, grow: true, size: 32 * mebibyte }], client.namespace);
    expect(made?.growth).toBeNull();
    closeAll(made === undefined ? [] : [made.mount]);
    await settled(before);
  });
});
