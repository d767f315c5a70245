/** Mounts of one file share one loop device and one superblock; the kernel's word decides, not ours. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { LoopDevices } from '../../services/mounter/devices.ts';
import { KeptDevices } from '../../services/mounter/kept-devices.ts';
import { MountPool } from '../../services/mounter/pool.ts';
import { helper } from './helper.ts';
import { type Images, makeImages } from './images.ts';
import { atRest, loops, settled, type Traces } from './leaks.ts';
import { type Client, startMappedClient } from './namespace.ts';
import { isRoot, mount, workshop } from './workbench.ts';

/** Fewer than the mounts that are asked for at once, so that some of them wait. */
const workers = 3;

describe.skipIf(!isRoot)('mounts of one file (needs root)', () => {
  let images: Images;
  let client: Client;
  let pool: MountPool;
  let before: Traces;
  beforeAll(async () => {
    images = makeImages();
    helper();
    client = await startMappedClient();
    const onLost = (error: unknown) => {
      throw error;
    };
    pool = await MountPool.start({ workers, queue: 1000, file: resolve('dist/mounter-worker.mjs'), onLost });
  });
  afterAll(async () => {
    await pool.close();
    await client[Symbol.asyncDispose]();
    images[Symbol.dispose]();
  });
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  const fresh = () => ({ ...workshop(), run: (job: Parameters<typeof pool.run>[0]) => pool.run(job) });
  const superblocks = (mounts: readonly Descriptor[]) => new Set(mounts.map(({ fd }) => statSync(`/proc/self/fd/${fd}`).dev));
  const newLoops = () => loops(images.folder).filter((name) => !before.loops.includes(name));

  for (const fileSystem of ['squashfs', 'ext4', 'xfs', 'btrfs'] as const) {
    it(`${fileSystem}: a hundred at once stand on one device, and the last to go takes it down`, async () => {
      const shop = fresh();
      const image = { path: images.of(fileSystem), fileSystem };
      const mounts = (await Promise.all(Array.from({ length: 100 }, () => mount([image], client.namespace, shop)))).flat();
      expect(mounts).toHaveLength(100);
      expect(newLoops()).toHaveLength(1);
      expect(superblocks(mounts).size).toBe(1);
      closeAll(mounts.splice(0, 99));
      expect(newLoops()).toHaveLength(1);
      closeAll(mounts);
      await settled(before);
    });
  }

  it('have a superblock of their own where they ask for options, which are nobody else’s then', async () => {
    const shop = fresh();
    const image = { path: images.of('xfs'), fileSystem: 'xfs' };
    const mounts: Descriptor[] = [];
    for (const asked of [[], ['largeio'], ['largeio'], []]) mounts.push(...(await mount([{ ...image, asked }], client.namespace, shop)));
    expect(superblocks(mounts).size).toBe(3);
    closeAll(mounts);
    await settled(before);
  });

  it('are shared with those of an earlier life of the mounter', async () => {
    const image = { path: images.of('squashfs'), fileSystem: 'squashfs' };
    const earlier = await mount([image], client.namespace, fresh());
    const devices = new LoopDevices(native, systemClock, new KeptDevices(systemClock, 0));
    devices.discover();
    const later = await mount([image], client.namespace, { ...fresh(), devices });
    expect(newLoops()).toHaveLength(1);
    closeAll([...earlier, ...later]);
    await settled(before);
  });

  it('get a new device once the old one ended, whatever was remembered', async () => {
    const shop = fresh();
    const image = { path: images.of('squashfs'), fileSystem: 'squashfs' };
    for (let round = 0; round < 20; round++) closeAll(await mount([image], client.namespace, shop));
    await settled(before);
  });

  it('never share with another file, though its device has the number that is remembered', async () => {
    const shop = fresh();
    closeAll(await mount([{ path: images.of('squashfs'), fileSystem: 'squashfs' }], client.namespace, shop));
    await settled(before);
    const other = await mount([{ path: images.of('ext4'), fileSystem: 'ext4' }], client.namespace, shop);
    const again = await mount([{ path: images.of('squashfs'), fileSystem: 'squashfs' }], client.namespace, shop);
    expect(superblocks([...other, ...again]).size).toBe(2);
    expect(newLoops()).toHaveLength(2);
    closeAll([...other, ...again]);
    await settled(before);
  });

  it('of several partitions are all there, in order', async () => {
    const wanted = (['ext4', 'erofs', 'squashfs'] as const).map((fileSystem) => ({ path: images.of(fileSystem), fileSystem }));
    const mounts = await mount(wanted, client.namespace, fresh());
    expect(superblocks(mounts).size).toBe(3);
    expect(newLoops()).toHaveLength(2);
    closeAll(mounts);
    await settled(before);
  });

  it('of two images with the same partitions in another order do not wait for each other', async () => {
    const shop = fresh();
    const [a, b] = (['ext4', 'squashfs'] as const).map((fileSystem) => ({ path: images.of(fileSystem), fileSystem }));
    if (a === undefined || b === undefined) throw new Error('two images are needed');
    const orders = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? [a, b] : [b, a]));
    const mounts = (await Promise.all(orders.map((order) => mount(order, client.namespace, shop)))).flat();
    expect(mounts).toHaveLength(40);
    closeAll(mounts);
    await settled(before);
  });
});
