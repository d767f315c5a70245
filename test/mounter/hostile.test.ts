/** Images that no sound tool makes: the kernel's refusal comes back in its own words, and the worker goes on. */
import { closeSync, copyFileSync, openSync, readFileSync, readSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { helper } from './helper.ts';
import { type FileSystemName, fileSystems, type Images, makeImages } from './images.ts';
import { atRest, settled, type Traces } from './leaks.ts';
import { type Client, startMappedClient } from './namespace.ts';
import { isRoot, mount } from './workbench.ts';

/** Where a superblock begins, and how many of its bytes are worth changing. */
const superblocks: Record<FileSystemName, { readonly at: number; readonly bytes: number }> = {
  erofs: { at: 1024, bytes: 128 },
  squashfs: { at: 0, bytes: 96 },
  ext4: { at: 1024, bytes: 1024 },
  xfs: { at: 0, bytes: 264 },
  btrfs: { at: 65536, bytes: 4096 },
};

describe.skipIf(!isRoot)('a hostile image (needs root)', () => {
  let images: Images;
  let client: Client;
  let before: Traces;
  let path: string;
  beforeAll(async () => {
    images = makeImages();
    helper();
    client = await startMappedClient();
    path = join(images.folder, 'hostile.img');
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    images[Symbol.dispose]();
  });
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  /** Mounts it, or says why not; either way nothing stays. */
  async function tryMount(fileSystem: FileSystemName): Promise<string> {
    try {
      closeAll(await mount([{ path, fileSystem }], client.namespace));
      return 'mounted';
    } catch (error) {
      if (!(error instanceof PosternError)) throw error;
      expect(error.code).toBe('MOUNT_FAILED');
      return error.detail;
    }
  }

  for (const fileSystem of fileSystems) {
    it(`${fileSystem}: is refused with the system call and its error, and without any path, when it is something else`, async () => {
      writeFileSync(path, Buffer.alloc(1024 * 1024, 0x5a));
      const detail = await tryMount(fileSystem);
      expect(detail).toMatch(new RegExp(`^root \\(${fileSystem}\\): fsconfig failed with E[A-Z]+`));
      expect(detail).not.toMatch(/\/(proc|dev|tmp)/);
      await settled(before);
    });

    it(`${fileSystem}: does no harm when bytes of its superblock are changed`, async () => {
      const { at, bytes } = superblocks[fileSystem];
      const change = fc.record({ offset: fc.nat(bytes - 1), value: fc.nat(255) });
      await fc.assert(
        fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async (changes) => {
          copyFileSync(images.of(fileSystem), path);
          const file = openSync(path, 'r+');
          for (const { offset, value } of changes) writeSync(file, Uint8Array.of(value), 0, 1, at + offset);
          closeSync(file);
          await tryMount(fileSystem);
        }),
        { numRuns: 12 },
      );
      await settled(before);
    });
  }

  it('does no harm when it is cut off, at whatever length', async () => {
    for (const fileSystem of ['erofs', 'squashfs', 'ext4'] as const) {
      for (const length of [0, 1, 511, 1023, 1024, 1100, 4096, 65536]) {
        copyFileSync(images.of(fileSystem), path);
        truncateSync(path, length);
        await tryMount(fileSystem);
      }
    }
    await settled(before);
  });

  it('that is cut off under a mount gives its readers errors, and nobody else', async () => {
    for (const fileSystem of ['erofs', 'squashfs'] as const) {
      copyFileSync(images.of(fileSystem), path);
      const mounts = await mount([{ path, fileSystem }], client.namespace);
      const data = openSync(`/proc/self/fd/${mounts[0]?.fd}/data`, 'r');
      truncateSync(path, 4096);
      const read = () => readSync(data, Buffer.alloc(65536), 0, 65536, 512 * 1024);
      // what is not there any more is an error or zeroes, as the file system sees fit
      try {
        expect(read()).toBeGreaterThanOrEqual(0);
      } catch (error) {
        expect(error).toMatchObject({ code: expect.stringMatching(/^E(IO|UCLEAN|FSCORRUPTED)$/) });
      }
      closeSync(data);
      closeAll(mounts);
    }
    expect(readFileSync('/proc/self/status', 'utf8')).toContain('State:');
    await settled(before);
  });
});
