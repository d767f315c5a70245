/** Where the kernel has dm-verity: who judges a signature, and what the mounter is told to make. */
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../image/bytes.ts';
import type { MountSource } from '../../mesh/protocol.ts';
import type { VerityConfig } from '../../services/verity/config.ts';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer } from '../image/images.ts';
import { Workbench } from './workbench.ts';

const dataBytes = 1024 * 1024;
let signer: Signer;
let stranger: Signer;
let known: MadeImage;
let unknown: MadeImage;
let bench: Workbench;

beforeAll(async () => {
  signer = makeSigner('builder');
  stranger = makeSigner('stranger');
  known = await makeImage({ data: fakeFileSystem(dataBytes), signer });
  unknown = await makeImage({ data: fakeFileSystem(dataBytes), signer: stranger });
});
afterEach(() => bench.close());

/** The source that the mounter is given for an image, or the code of the refusal. */
async function sourceOf(image: MadeImage, signers?: VerityConfig['signers'], kernel: string | null = null): Promise<MountSource | string> {
  bench = await Workbench.start({ certificates: [signer.certificate], ...(signers === undefined ? {} : { signers }) });
  await bench.kernelHasVerity(kernel);
  const outcome = await bench.verify(bench.write('image.raw', image.bytes));
  if (outcome.attached === undefined) return outcome.failed.code;
  const { plan, sources } = outcome.attached.payload;
  expect(outcome.attached.descriptors).toHaveLength(sources);
  for (const descriptor of outcome.attached.descriptors) descriptor.close();
  return plan.partitions[0]?.source ?? 'no partition';
}

describe('a signed image, where the kernel has dm-verity', () => {
  it('is activated in place, by the tree and the signature that it came with', async () => {
    const source = await sourceOf(known);
    expect(source).toMatchObject({
      kind: 'verity-device',
      descriptor: 0,
      hashDescriptor: 1,
      dataOffset: known.dataOffset,
      dataSize: dataBytes,
    });
    expect(source).toMatchObject({ rootHash: toHex(known.rootHash), trusted: true, signature: expect.any(Uint8Array) });
    expect(bench.copies()).toEqual([]);
  });

  it('is left to the kernel where no certificate made the signature', async () => {
    expect(await sourceOf(unknown)).toMatchObject({ kind: 'verity-device', trusted: false, signature: expect.any(Uint8Array) });
  });

  it('is the kernel’s alone to judge where the operator says so', async () => {
    expect(await sourceOf(known, 'kernel')).toMatchObject({ trusted: false, signature: expect.any(Uint8Array) });
  });

  it('is never shown to the kernel’s keyrings where only certificates count', async () => {
    expect(await sourceOf(known, 'certificates')).toMatchObject({ trusted: true, signature: null });
    await bench.close();
    expect(await sourceOf(unknown, 'certificates')).toBe('SIGNER_UNKNOWN');
  });
});

describe('a signed image, where the kernel has no dm-verity', () => {
  it('is copied into the store, by the word of a certificate', async () => {
    expect(await sourceOf(known, 'either', 'ENOENT')).toEqual({ kind: 'file', descriptor: 0 });
    await bench.until(() => bench.copies().length === 1);
  });

  it('is refused where only a kernel could know its signer', async () => {
    expect(await sourceOf(unknown, 'either', 'ENOENT')).toBe('SIGNER_UNKNOWN');
    await bench.close();
    expect(await sourceOf(known, 'kernel', 'ENOENT')).toBe('SIGNER_UNKNOWN');
  });
});
