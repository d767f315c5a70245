/** Devices that are there for the next mount, and gone when they must be. */
import { openSync, readFileSync, utimesSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { closeAll, Descriptor, ownedDescriptors } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { KeptDevices } from '../../services/mounter/kept-devices.ts';
import { helper } from './helper.ts';
import { type Images, makeImages } from './images.ts';
import { atRest, loops, settled, type Traces } from './leaks.ts';
import { isRoot, mount, type Wanted, workshop } from './workbench.ts';

const moment = 1000;

describe('devices that are kept', () => {
  const something = () => new Descriptor(openSync('/dev/null', 'r'));

  it('go after a moment, which begins anew with each mount', () => {
    const before = ownedDescriptors();
    const clock = new SimulatedClock();
    const kept = new KeptDevices(clock, moment);
    kept.keep('one', something());
    clock.advance(moment - 1);
    kept.keep('one', something());
    clock.advance(moment - 1);
    expect(kept.size).toBe(1);
    clock.advance(1);
    expect(kept.size).toBe(0);
    expect(ownedDescriptors()).toBe(before);
  });

  it('are so many at most, and the one that was used last longest ago goes first', () => {
    const before = ownedDescriptors();
    const kept = new KeptDevices(new SimulatedClock(), moment);
    const names = Array.from({ length: 64 }, (_, index) => String(index));
    for (const name of [...names, '0', 'one more']) kept.keep(name, something());
    expect(kept.size).toBe(64);
    kept.release('1');
    expect(kept.size, 'it had gone').toBe(64);
    kept.release('0');
    expect(kept.size).toBe(63);
    kept.releaseAll();
    expect(ownedDescriptors()).toBe(before);
  });

  it('are none where no time is given', () => {
    const before = ownedDescriptors();
    const clock = new SimulatedClock();
    new KeptDevices(clock, 0).keep('one', something());
    expect(ownedDescriptors()).toBe(before);
    expect(clock.pending).toBe(0);
  });
});

describe.skipIf(!isRoot)('a loop device whose last mount has gone (needs root)', () => {
  let images: Images;
  let before: Traces;
  let clock: SimulatedClock;
  let kept: KeptDevices;
  beforeAll(() => {
    images = makeImages();
    helper();
    for (const name of ['squashfs', 'ext4', 'xfs'] as const) images.of(name);
  });
  afterAll(() => images[Symbol.dispose]());
  beforeEach(async () => {
    before = await atRest(images.folder);
    clock = new SimulatedClock();
    kept = new KeptDevices(clock, moment);
  });
  afterEach(async () => {
    kept.releaseAll();
    await settled(before);
  });

  const touch = (path: string) => utimesSync(path, new Date(), new Date());
  const use = async (wanted: Wanted, shop: ReturnType<typeof workshop>) => closeAll(await mount([wanted], null, shop));
  /** No device that was made later has the same. */
  const serials = () => loops(images.folder).map((name) => readFileSync(`/sys/block/${name}/diskseq`, 'utf8').trim());
  const resting = () => new Promise((resolve) => setTimeout(resolve, 150));

  it('is the next mount’s', async () => {
    const wanted = { path: images.of('squashfs'), fileSystem: 'squashfs' };
    const shop = workshop(native, kept);
    await resting();
    await use(wanted, shop);
    const first = serials();
    expect(first).toHaveLength(1);
    clock.advance(moment - 1);
    await use(wanted, shop);
    clock.advance(moment - 1);
    expect(serials()).toEqual(first);
    clock.advance(1);
    await settled(before);
  });

  it('goes at once when its file was changed meanwhile', async () => {
    const path = images.of('squashfs');
    const shop = workshop(native, kept);
    await resting();
    await use({ path, fileSystem: 'squashfs' }, shop);
    const first = serials();
    touch(path);
    await resting();
    await use({ path, fileSystem: 'squashfs' }, shop);
    expect(serials()).toHaveLength(1);
    expect(serials()).not.toEqual(first);
  });

  it('is not kept where the file is so new that a change might not show', async () => {
    const path = images.of('squashfs');
    touch(path);
    await use({ path, fileSystem: 'squashfs' }, workshop(native, kept));
    await settled(before);
  });

  it('gives way to a mount for writing, and is not kept after one', async () => {
    const wanted = { path: images.of('ext4'), fileSystem: 'ext4' };
    const shop = workshop(native, kept);
    await resting();
    await use(wanted, shop);
    expect(serials()).toHaveLength(1);
    await use({ ...wanted, writable: true }, shop);
    await settled(before);
  });

  it('is not kept where it was a caller’s own', async () => {
    await resting();
    await use({ path: images.of('xfs'), fileSystem: 'xfs', asked: ['largeio'] }, workshop(native, kept));
    await settled(before);
  });
});
