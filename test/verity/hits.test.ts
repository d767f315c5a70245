/** What a stored copy saves, and what it does not: the file that was checked is known again, and any other one is checked. */
import { closeSync, openSync, readFileSync, renameSync, utimesSync, writeSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer } from '../image/images.ts';
import { Workbench } from './workbench.ts';

const mebibyte = 1024 * 1024;
const dataBytes = 16 * mebibyte;
let signer: Signer;
let image: MadeImage;
let bench: Workbench;

beforeAll(async () => {
  signer = makeSigner('builder');
  image = await makeImage({ data: fakeFileSystem(dataBytes), signer });
  bench = await Workbench.start({ certificates: [signer.certificate] });
  expect(await bench.verdict(await bench.file('first', image.bytes))).toBe('attached');
  await bench.settled();
});
afterAll(() => bench.close());

let before = { hits: 0, checks: 0, copies: 0 };
beforeEach(() => {
  before = bench.work();
});
/** What was done since the test began. */
function done() {
  const { hits, checks, copies } = bench.work();
  return { hits: hits - before.hits, checks: checks - before.checks, copies: copies - before.copies };
}

/** Bytes that this process has read, from files and all else. */
const bytesRead = () => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'latin1'))?.[1]);

function damage(path: string, at: number): void {
  const file = openSync(path, 'r+');
  writeSync(file, Uint8Array.of(0x5a), 0, 1, at);
  closeSync(file);
}

describe('an image whose copy is in the store', () => {
  it('is not read again when it is the same file', async () => {
    const from = bytesRead();
    expect(await bench.verdict(`${bench.folder}/first`)).toBe('attached');
    expect(bytesRead() - from).toBeLessThan(mebibyte);
    expect(done()).toEqual({ hits: 1, checks: 0, copies: 0 });
  });

  it('is known to each user once it was read for one', async () => {
    expect(await bench.verdict(`${bench.folder}/first`, { uid: 4321 })).toBe('attached');
    expect(done()).toEqual({ hits: 1, checks: 0, copies: 0 });
  });

  it('is checked, and not copied, when it is another file with the same bytes', async () => {
    const twin = await bench.file('twin', image.bytes);
    expect(await bench.verdict(twin)).toBe('attached');
    expect(done()).toEqual({ hits: 0, checks: 1, copies: 0 });
    expect(await bench.verdict(twin)).toBe('attached');
    expect(done()).toEqual({ hits: 1, checks: 1, copies: 0 });
  });

  it('is refused when it is another file that was tampered with', async () => {
    const tampered = Uint8Array.from(image.bytes);
    tampered[image.dataOffset + dataBytes / 2] = (tampered[image.dataOffset + dataBytes / 2] ?? 0) ^ 1;
    const path = await bench.file('tampered', tampered);
    expect(await bench.verdict(path)).toBe('VERITY_DATA');
    expect(await bench.verdict(path)).toBe('VERITY_DATA');
    expect(bench.copies()).toHaveLength(1);
  });

  it('is refused when the file that was known was tampered with since, even if its time was put back', async () => {
    const path = await bench.file('victim', image.bytes);
    expect(await bench.verdict(path)).toBe('attached');
    damage(path, image.dataOffset + 4096);
    utimesSync(path, 1, 1);
    expect(await bench.verdict(path)).toBe('VERITY_DATA');
  });

  it('is refused when another file came to the path of the known one', async () => {
    const path = await bench.file('replaced', image.bytes);
    expect(await bench.verdict(path)).toBe('attached');
    const tampered = Uint8Array.from(image.bytes);
    tampered.fill(0, image.dataOffset + 8192, image.dataOffset + 12288);
    renameSync(bench.write('replacement', tampered), path);
    expect(await bench.verdict(path)).toBe('VERITY_DATA');
  });

  it('is not known by a check that came so soon after a write that the next write would not show', async () => {
    const path = bench.write('fresh', image.bytes);
    utimesSync(path, 1, 1);
    expect(await bench.verdict(path)).toBe('attached');
    expect(await bench.verdict(path)).toBe('attached');
    expect(done()).toEqual({ hits: 0, checks: 2, copies: 0 });
  });

  it('is found again by the next life of the service, and checked once more', async () => {
    const path = await bench.file('later', image.bytes);
    await bench.startService();
    expect(await bench.verdict(path)).toBe('attached');
    expect(bench.work()).toEqual(expect.objectContaining({ hits: 0, checks: 1, copies: 0 }));
    expect(await bench.verdict(path)).toBe('attached');
    expect(bench.work()).toEqual(expect.objectContaining({ hits: 1, checks: 1, copies: 0 }));
  });
});
