/** Images that lie in a trusted directory: mounted in place, whatever they are made of, as far as the caller's own policy goes. */
import { openSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../image/bytes.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { MountPlan } from '../../mesh/protocol.ts';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner } from '../image/images.ts';
import { writeDisk } from '../support/disk.ts';
import { type Ask, Workbench } from './workbench.ts';

const mebibyte = 1024 * 1024;
let bench: Workbench;
let unsigned: MadeImage;
let signed: MadeImage;

beforeAll(async () => {
  bench = await Workbench.start();
  unsigned = await makeImage({ data: fakeFileSystem(mebibyte) });
  signed = await makeImage({ data: fakeFileSystem(mebibyte), signer: makeSigner('stranger') });
});
afterAll(() => bench.close());

async function planOf(path: string, ask: Ask = {}): Promise<MountPlan | string> {
  const outcome = await bench.verify(path, { trusted: true, ...ask });
  if (outcome.attached === undefined) return outcome.failed.code;
  for (const descriptor of outcome.attached.descriptors) descriptor.close();
  return outcome.attached.payload.plan;
}

describe('a trusted image', () => {
  it('that is a bare file system is mounted as it is', async () => {
    const plan = await planOf(bench.write('bare.raw', fakeFileSystem(mebibyte)));
    expect(plan).toMatchObject({
      image: { singleFileSystem: true, imagePolicy: '*' },
      partitions: [{ designator: 'root', writable: false, noSuid: true, source: { kind: 'file', descriptor: 0 } }],
    });
  });

  it('has every partition of it mounted, each in its place and with its flags', async () => {
    const content = bench.write('content', fakeFileSystem(mebibyte));
    const designators = ['root', 'usr', 'home', 'srv', 'esp', 'xbootldr', 'tmp', 'var'] as const;
    const offsets = writeDisk(
      `${bench.folder}/all.raw`,
      [...designators, 'swap' as const].map((designator) => ({ designator, content })),
    );
    const plan = await planOf(`${bench.folder}/all.raw`, { options: { readOnly: true } });
    if (typeof plan === 'string') throw new Error(plan);
    expect(plan.partitions.map(({ designator }) => designator)).toEqual(designators);
    expect(plan.partitions.map(({ mountPoints }) => mountPoints[0])).toEqual([
      '/',
      '/usr',
      '/home',
      '/srv',
      '/efi',
      '/boot',
      '/var/tmp',
      '/var',
    ]);
    expect(plan.partitions.filter(({ noExec }) => noExec).map(({ designator }) => designator)).toEqual(['esp', 'xbootldr']);
    expect(plan.partitions.filter(({ noSymlinks }) => noSymlinks).map(({ designator }) => designator)).toEqual(['esp', 'xbootldr']);
    plan.partitions.forEach(({ source }, index) => {
      expect(source).toEqual({ kind: 'part', descriptor: index, offset: offsets[index], size: mebibyte, shared: true });
    });
  });

  it('has only those partitions mounted that its caller’s policy names', async () => {
    const content = bench.write('content', fakeFileSystem(mebibyte));
    writeDisk(`${bench.folder}/two.raw`, [
      { designator: 'root', content },
      { designator: 'home', content },
    ]);
    const plan = await planOf(`${bench.folder}/two.raw`, { options: { imagePolicy: 'root=unprotected:=ignore' } });
    expect(plan).toMatchObject({ image: { imagePolicy: 'root=unprotected' }, partitions: [{ designator: 'root' }] });
    expect(await planOf(`${bench.folder}/two.raw`, { options: { imagePolicy: 'root=unprotected:home=absent' } })).toBe('POLICY_DENIED');
  });

  it('is still held against a policy of its caller’s that wants a signature', async () => {
    expect(await planOf(bench.write('unsigned.raw', unsigned.bytes), { options: { imagePolicy: 'root=signed' } })).toBe(
      'SIGNATURE_MISSING',
    );
    expect(await planOf(bench.write('signed.raw', signed.bytes), { options: { imagePolicy: 'root=signed' } })).toBe('SIGNER_UNKNOWN');
  });

  it('with a hash tree is activated by its root hash, signed or not', async () => {
    await bench.kernelHasVerity();
    for (const { bytes, rootHash } of [unsigned, signed]) {
      expect(await planOf(bench.write('tree.raw', bytes))).toMatchObject({
        partitions: [{ source: { kind: 'verity-device', rootHash: toHex(rootHash), signature: null, trusted: false } }],
      });
    }
    await bench.kernelHasVerity('ENOENT');
  });

  it('with a hash tree is checked, where the kernel can’t', async () => {
    expect(await planOf(bench.write('tree.raw', unsigned.bytes))).toMatchObject({ partitions: [{ source: { kind: 'file' } }] });
    const damaged = Uint8Array.from(unsigned.bytes);
    damaged[unsigned.dataOffset + 5000] = (damaged[unsigned.dataOffset + 5000] ?? 0) ^ 1;
    expect(await planOf(bench.write('damaged.raw', damaged))).toBe('VERITY_DATA');
    expect(await planOf(`${bench.folder}/damaged.raw`, { options: { imagePolicy: 'root=unprotected' } })).toMatchObject({
      partitions: [{ source: { kind: 'part' } }],
    });
  });

  it('whose file system is not known is refused', async () => {
    const content = bench.write('nothing', new Uint8Array(mebibyte));
    writeDisk(`${bench.folder}/unknown.raw`, [{ designator: 'root', content }]);
    expect(await planOf(`${bench.folder}/unknown.raw`)).toBe('FILE_SYSTEM_UNKNOWN');
  });
});

describe('the place of an image does not count', () => {
  const bare = () => bench.write('bare.raw', fakeFileSystem(mebibyte));

  it('where mount options are given', async () => {
    expect(await planOf(bare(), { options: { mountOptions: { root: 'nosuid' } } })).toBe('SIGNATURE_MISSING');
  });

  it('where somebody other than root shows that he can write to it', async () => {
    const writable = () => new Descriptor(openSync(bare(), 'r+'));
    expect(await bench.verdict(writable(), { trusted: true, uid: 1000 })).toBe('SIGNATURE_MISSING');
    expect(await bench.verdict(writable(), { trusted: true, uid: 0 })).toBe('attached');
  });

  it('where it is not told', async () => {
    expect(await planOf(bare(), { trusted: false })).toBe('SIGNATURE_MISSING');
  });
});
