/** The bounds of the store: the copy that was of no use for the longest goes first, and never one that anybody has open. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../image/bytes.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Copy } from '../../services/verity/copy.ts';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer } from '../image/images.ts';
import { isRoot, run } from '../support/serve.ts';
import { type Outcome, verdictOf, Workbench, type WorkbenchOptions } from './workbench.ts';

const dataBytes = 256 * 1024;
const mebibyte = 1024 * 1024;
let signer: Signer;
const images: MadeImage[] = [];
let bench: Workbench;

beforeAll(async () => {
  signer = makeSigner('builder');
  for (let seed = 1; seed <= 5; seed++) images.push(await makeImage({ data: fakeFileSystem(dataBytes, seed), signer }));
});
afterEach(() => bench.close());

const start = async (options: WorkbenchOptions) => {
  bench = await Workbench.start({ certificates: [signer.certificate], ...options });
};
/** Images are numbered from 0. */
const imageOf = (number: number) => images[number] ?? images[0];
const nameOf = (number: number, size = dataBytes) => `${toHex(imageOf(number)?.rootHash ?? new Uint8Array())}-${size}`;
const pathOf = (number: number) => join(bench.folder, `${number}.raw`);

async function ask(number: number): Promise<Outcome> {
  const bytes = imageOf(number)?.bytes ?? new Uint8Array();
  const outcome = await bench.verify(bench.write(`${number}.raw`, bytes));
  // A copy gets its name when the disk has it, which no request waits for.
  if (outcome.attached !== undefined) await bench.until(() => there().includes(number));
  return outcome;
}
/** Asks for images, in this order, and lets go of each. */
async function useAll(...numbers: number[]): Promise<void> {
  for (const number of numbers) expect(verdictOf(await ask(number))).toBe('attached');
}
/** The copies that are there, by number. */
const there = () => {
  const names = bench.copies();
  return images.flatMap((_image, number) => (names.includes(nameOf(number)) ? [number] : []));
};

describe('a store', () => {
  it('holds no more bytes than its bound', async () => {
    await start({ store: { max_size: 3 * dataBytes } });
    await useAll(0, 1, 2, 3, 4);
    expect(there()).toEqual([2, 3, 4]);
    expect(bench.status().store).toMatchObject({ images: 3, bytes: 3 * dataBytes, evicted: 2 });
  });

  it('holds no more copies than its bound', async () => {
    await start({ store: { max_images: 2 } });
    await useAll(0, 1, 2, 3);
    expect(there()).toEqual([2, 3]);
  });

  it('lets the one go that was used least recently, not the oldest', async () => {
    await start({ store: { max_images: 3 } });
    await useAll(0, 1, 2, 0, 3);
    expect(there()).toEqual([0, 2, 3]);
    await useAll(2, 4);
    expect(there()).toEqual([2, 3, 4]);
  });

  it('remembers over its lives which was used when', async () => {
    await start({ store: { max_images: 3 } });
    await useAll(0, 1, 2);
    const now = Date.now() / 1000;
    for (const [number, age] of [1000, 3000, 2000].entries()) utimesSync(join(bench.store, nameOf(number)), now - age, now - age);
    await bench.startService();
    await useAll(3);
    expect(there()).toEqual([0, 2, 3]);
  });

  it('counts what an earlier life left', async () => {
    await start({ store: { max_size: 2 * dataBytes } });
    await useAll(0, 1);
    await bench.startService();
    expect(bench.status().store).toMatchObject({ images: 2, bytes: 2 * dataBytes });
    await useAll(2);
    expect(there()).toEqual([1, 2]);
  });

  it('takes an image as large as itself, and none larger', async () => {
    await start({ store: { max_size: dataBytes } });
    await useAll(0, 1);
    expect(there()).toEqual([1]);
    const larger = await makeImage({ data: fakeFileSystem(dataBytes + 4096, 9), signer });
    expect(await bench.verdict(bench.write('larger', larger.bytes))).toBe('IMAGE_TOO_LARGE');
    expect(there()).toEqual([1]);
  });

  it('removes what is no copy when it starts: other names, sizes, kinds and modes', async () => {
    await start({});
    await useAll(0, 1, 2, 3);
    const file = (name: string) => join(bench.store, name);
    writeFileSync(file('notes'), 'mine');
    mkdirSync(file(nameOf(0, 4096)));
    writeFileSync(file(nameOf(1, 8192)), 'short');
    execFileSync('chmod', ['0644', file(nameOf(1))]);
    execFileSync('truncate', ['-s', '4096', file(nameOf(2))]);
    execFileSync('ln', ['-sf', '/etc/passwd', file(nameOf(3))]);
    await bench.startService();
    expect(there()).toEqual([0]);
    expect(bench.copies()).toHaveLength(1);
    expect(bench.mesh.lines.filter(({ msg }) => msg === 'removed what is no checked copy from the store')).toHaveLength(6);
    expect(readFileSync('/etc/passwd').length).toBeGreaterThan(0);
  });

  it('makes a copy again that somebody removed', async () => {
    await start({});
    const path = await bench.file('0', imageOf(0)?.bytes ?? new Uint8Array());
    expect(await bench.verdict(path)).toBe('attached');
    await bench.settled();
    rmSync(join(bench.store, nameOf(0)));
    expect(await bench.verdict(path)).toBe('attached');
    await bench.settled();
    expect(there()).toEqual([0]);
    expect(bench.status().store).toMatchObject({ images: 1, bytes: dataBytes });
  });
});

describe('a copy stays', () => {
  it('while whoever asked for it has it open', async () => {
    await start({ store: { max_images: 2 } });
    const held = await ask(0);
    await useAll(1, 2);
    expect(there()).toEqual([0, 2]);
    expect(verdictOf(held)).toBe('attached');
    await useAll(3);
    expect(there()).toEqual([2, 3]);
  });

  it.skipIf(!isRoot)('while a loop device stands on it', async () => {
    await start({ store: { max_images: 1 } });
    await useAll(0);
    const device = (await run('losetup', ['--find', '--show', '--read-only', join(bench.store, nameOf(0))])).stdout.trim();
    try {
      expect(verdictOf(await ask(1))).toBe('STORE_FULL');
      expect(there()).toEqual([0]);
    } finally {
      await run('losetup', ['--detach', device]);
    }
    await useAll(1);
    expect(there()).toEqual([1]);
  });

  it.skipIf(!isRoot)('while a file system is mounted from it, with no device between', async () => {
    await start({ store: { max_images: 1 } });
    const image = await makeImage({ data: await realErofs(), signer });
    expect(await bench.verdict(bench.write('real', image.bytes))).toBe('attached');
    await bench.settled();
    const [copy = ''] = bench.copies();
    const context = native.fsopen('erofs');
    native.fsconfigString(context, 'source', join(bench.store, copy));
    native.fsconfigFlag(context, 'ro');
    native.fsconfigCreate(context);
    const mount = native.fsmount(context, 0);
    native.close(context);
    expect(verdictOf(await ask(1))).toBe('STORE_FULL');
    expect(bench.copies()).toEqual([copy]);
    native.close(mount);
    await useAll(1);
    expect(there()).toEqual([1]);
  });
});

async function realErofs(): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-erofs-'));
  try {
    mkdirSync(join(folder, 'tree'));
    writeFileSync(join(folder, 'tree/data'), Buffer.alloc(100_000, 'postern'));
    await run('mkfs.erofs', ['--quiet', join(folder, 'image'), join(folder, 'tree')]);
    const bytes = readFileSync(join(folder, 'image'));
    return new Uint8Array(Buffer.concat([bytes, Buffer.alloc(-bytes.length & 4095)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('STORE_FULL', () => {
  it('is told when every copy is in use, and leaves nothing behind', async () => {
    await start({ store: { max_size: 2 * dataBytes } });
    const held = [await ask(0), await ask(1)];
    // what is held was opened before it had a name, and says so for ever
    const before = { descriptors: readdirSync('/proc/self/fd').length, unnamed: bench.unnamedCopies() };
    const outcome = await ask(2);
    expect(outcome.failed).toMatchObject({ code: 'STORE_FULL', detail: 'its bound is reached' });
    expect(there()).toEqual([0, 1]);
    expect({ descriptors: readdirSync('/proc/self/fd').length, unnamed: bench.unnamedCopies() }).toEqual(before);
    expect(held.map(verdictOf)).toEqual(['attached', 'attached']);
    await useAll(2);
    expect(there()).toEqual([1, 2]);
  });

  it('does not keep an image from being mounted whose copy is there', async () => {
    await start({ store: { max_images: 1 } });
    const held = await ask(0);
    expect(verdictOf(await ask(1))).toBe('STORE_FULL');
    expect(await bench.verdict(pathOf(0))).toBe('attached');
    expect(verdictOf(held)).toBe('attached');
  });

  it.skipIf(!isRoot)('is told when the disk would have too little left for others', async () => {
    await onSmallDisk(80, async (disk) => {
      await start({ at: disk, store: { max_size: '1G' } });
      const image = await makeImage({ data: fakeFileSystem(20 * mebibyte), signer });
      const { failed } = await bench.verify(bench.write('image', image.bytes));
      expect(failed).toMatchObject({ code: 'STORE_FULL', detail: 'the disk is full' });
      await useAll(0);
      expect(there()).toEqual([0]);
      await bench.close();
      bench = await Workbench.start();
    });
  });

  it.skipIf(!isRoot)('is what a copy meets when the disk fills up under it', async () => {
    await start({});
    await onSmallDisk(1, async (disk) => {
      const path = join(disk, 'copy');
      await using copy = new Copy(new Descriptor(openSync(path, 'w+')), 4 * mebibyte);
      const pieces = Promise.all([0, 1, 2, 3].map((piece) => copy.write(new Uint8Array(mebibyte).fill(1), piece * mebibyte)));
      await expect(pieces).rejects.toMatchObject({ code: 'STORE_FULL', detail: 'ENOSPC' });
    });
  });
});

/** A disk of that many MiB. */
async function onSmallDisk(size: number, work: (disk: string) => Promise<void>): Promise<void> {
  const disk = mkdtempSync(join(tmpdir(), 'postern-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', disk]);
  try {
    await work(disk);
  } finally {
    await run('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
}

it('a copy can be read by the other stages and written by nobody', async () => {
  await start({});
  await useAll(0);
  expect(statSync(join(bench.store, nameOf(0))).mode & 0o7777).toBe(0o444);
  const outcome = await ask(0);
  const [descriptor] = outcome.attached?.descriptors ?? [];
  expect(native.describe(descriptor?.fd ?? -1)).toMatchObject({ type: 'regular', access: 'read' });
  expect(verdictOf(outcome)).toBe('attached');
  closeSync(openSync(join(bench.store, nameOf(0)), 'r'));
});
