/** Every file system, mounted for a real namespace. */
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import type { MountJob } from '../../services/mounter/job.ts';
import { helper } from './helper.ts';
import { fileSystems, type Images, makeImages } from './images.ts';
import { atRest, settled, type Traces } from './leaks.ts';
import { startMappedClient } from './namespace.ts';
import { isRoot, mount, workshop } from './workbench.ts';

describe.skipIf(!isRoot)('a mounted image (needs root)', () => {
  let images: Images;
  let before: Traces;
  beforeAll(() => {
    images = makeImages();
    helper();
  });
  afterAll(() => images[Symbol.dispose]());
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  for (const name of fileSystems) {
    it(`${name}: shows its files with the IDs of the range, and leaves nothing`, async () => {
      {
        await using client = await startMappedClient();
        await client.attach(await mount([{ path: images.of(name), fileSystem: name }], client.namespace));
        expect(await client.do('read', { file: 'greeting' })).toBe('hello\n');
        expect(await client.do('owner', { file: 'greeting' })).toBe('0:0');
        expect(await client.do('owner', { file: 'note' })).toBe('1000:1000');
        expect(await client.do('unmount')).toBe('ok');
      }
      await settled(before);
    });
  }

  it('takes a loop device where the kernel does not mount from the file itself, and remembers that', async () => {
    const onTmpfs = mkdtempSync('/dev/shm/postern-mounter-');
    const path = join(onTmpfs, 'erofs.img');
    copyFileSync(images.of('erofs'), path);
    {
      await using client = await startMappedClient();
      const jobs: MountJob[] = [];
      const shop = workshop();
      const watched = { ...shop, run: (job: MountJob) => shop.run(jobs[jobs.push(job) - 1] ?? job) };
      for (let round = 0; round < 2; round++) closeAll(await mount([{ path, fileSystem: 'erofs' }], client.namespace, watched));
      expect(jobs.map(({ partitions }) => partitions[0]?.source.kind)).toEqual(['file', 'loop', 'loop']);
    }
    rmSync(onTmpfs, { recursive: true });
    await settled(before);
  });

  it('can be the host’s own', async () => {
    const mounts = await mount([{ path: images.of('erofs'), fileSystem: 'erofs' }], null);
    expect(statSync(`/proc/self/fd/${mounts[0]?.fd}/note`)).toMatchObject({ uid: 1000, gid: 1000 });
    closeAll(mounts);
    await settled(before);
  });
});
