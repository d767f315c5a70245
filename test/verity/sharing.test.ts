/** Requests for one image while it is copied: one copy for all, which lives as long as anybody waits, and holds up nobody else. */
import { openSync, readdirSync } from 'node:fs';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer } from '../image/images.ts';
import { verdictOf, Workbench } from './workbench.ts';

const mebibyte = 1024 * 1024;
const dataBytes = 24 * mebibyte;
let signer: Signer;
let large: MadeImage;
let small: MadeImage;
let bench: Workbench;
let path: string;

beforeAll(async () => {
  signer = makeSigner('builder');
  large = await makeImage({ data: fakeFileSystem(dataBytes), signer });
  small = await makeImage({ data: fakeFileSystem(mebibyte, 2), signer });
});
beforeEach(async () => {
  bench = await Workbench.start({ certificates: [signer.certificate] });
  path = await bench.file('large', large.bytes);
});
afterEach(() => bench.close());

const openFiles = () => readdirSync('/proc/self/fd').length;
/** The copy has begun, and the first piece at most is done: no more happens before the test waits. */
const copying = () => bench.until(() => bench.unnamedCopies().length > 0);
const verdictsOf = (requests: readonly number[]) => Promise.all(requests.map(async (request) => verdictOf(await bench.end(request))));

describe('requests for an image that is being copied', () => {
  it('share the copy', async () => {
    const requests = [1, 2, 3, 4, 5, 6].map((uid) => bench.begin(path, { uid }));
    await bench.until(() => bench.inState('obtaining') === requests.length);
    expect(bench.work()).toMatchObject({ underWay: 1, copies: 0 });
    expect(await verdictsOf(requests)).toEqual(requests.map(() => 'attached'));
    expect(bench.work()).toEqual(expect.objectContaining({ underWay: 0, copies: 1, checks: 0, hits: 0 }));
    await bench.settled();
    expect(bench.copies()).toHaveLength(1);
  });

  it('share the copy of another file, and have their own checked after', async () => {
    const twin = await bench.file('twin', large.bytes);
    const requests = [path, twin, twin].map((file) => bench.begin(file));
    expect(await verdictsOf(requests)).toEqual(['attached', 'attached', 'attached']);
    expect(bench.work()).toEqual(expect.objectContaining({ copies: 1, checks: 1 }));
    await bench.settled();
    expect(bench.copies()).toHaveLength(1);
  });

  it('are not refused for the damage of the file that was first', async () => {
    const damaged = Uint8Array.from(large.bytes);
    damaged[large.dataOffset + dataBytes - 1] = 1;
    const bad = bench.begin(await bench.file('bad', damaged), { uid: 1 });
    await copying();
    const good = bench.begin(path, { uid: 2 });
    expect(await verdictsOf([bad, good])).toEqual(['VERITY_DATA', 'attached']);
  });

  it('go on when the one that began is cancelled', async () => {
    const first = bench.begin(path, { uid: 1 });
    const second = bench.begin(path, { uid: 2 });
    await bench.until(() => bench.inState('obtaining') === 2);
    await bench.cancel(first);
    expect(await verdictsOf([first, second])).toEqual(['CANCELLED', 'attached']);
    expect(bench.work()).toEqual(expect.objectContaining({ copies: 1 }));
  });

  it('leave nothing when all are cancelled, and can come again', async () => {
    const before = openFiles();
    const requests = [1, 2].map((uid) => bench.begin(path, { uid }));
    await bench.until(() => bench.inState('obtaining') === 2);
    for (const request of requests) await bench.cancel(request);
    expect(await verdictsOf(requests)).toEqual(['CANCELLED', 'CANCELLED']);
    // what was under way lets go a moment after the last who asked was told
    await bench.until(() => openFiles() === before);
    expect(bench.copies()).toEqual([]);
    expect(await bench.verdict(path)).toBe('attached');
    expect(bench.work()).toEqual(expect.objectContaining({ copies: 1 }));
  });

  it('end with the gateway that asked', async () => {
    const before = openFiles();
    bench.begin(path);
    await copying();
    bench.mesh.peerDown('gateway');
    await bench.until(() => bench.inState('obtaining') === 0 && openFiles() === before);
    expect(bench.copies()).toEqual([]);
  });

  it('can be cancelled before they come', async () => {
    await bench.cancel(77);
    expect(await bench.verdict(path, { request: 77 })).toBe('CANCELLED');
    expect(bench.work()).toEqual(expect.objectContaining({ copies: 0, underWay: 0 }));
    expect(await bench.verdict(path, { request: 78 })).toBe('attached');
  });
});

describe('a large image', () => {
  it('does not hold up a small one that comes meanwhile, even of the same user', async () => {
    const smallPath = await bench.file('small', small.bytes);
    const slow = bench.begin(path);
    await copying();
    expect(await bench.verdict(smallPath)).toBe('attached');
    expect(bench.inState('obtaining')).toBe(1);
    expect(await verdictsOf([slow])).toEqual(['attached']);
  });

  it('tells the gateway how far it is', async () => {
    await bench.close();
    let now = 0;
    const clock: Clock = { ...systemClock, now: () => ++now * 1000 };
    bench = await Workbench.start({ certificates: [signer.certificate], clock });
    const request = bench.begin(bench.write('large', large.bytes));
    expect(await verdictsOf([request])).toEqual(['attached']);
    const told = bench.mesh.sent().flatMap(({ name, payload }) => (name === 'request.progress' ? [payload] : []));
    expect(told.length).toBeGreaterThan(10);
    expect(told.at(-1)).toEqual({ request, phase: 'copying', done: dataBytes, total: dataBytes });
  });
});

describe('a descriptor', () => {
  it('may be for reading and writing, and is read from its beginning wherever it stands', async () => {
    const descriptor = new Descriptor(openSync(path, 'r+'));
    expect(await bench.verdict(descriptor)).toBe('attached');
  });
});
