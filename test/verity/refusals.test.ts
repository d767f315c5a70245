/** Every image that must not be mounted, by the name of its refusal; each leaves nothing behind. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeFileSystem, type MadeImage, makeImage, makeSigner, type Signer, signDocument } from '../image/images.ts';
import { Workbench } from './workbench.ts';

let signer: Signer;
let stranger: Signer;
let sound: MadeImage;
let bench: Workbench;

beforeAll(async () => {
  signer = makeSigner('builder');
  stranger = makeSigner('stranger');
  sound = await makeImage({ data: fakeFileSystem(3 * 1024 * 1024), signer });
  bench = await Workbench.start({ certificates: [signer.certificate] });
});
afterAll(() => bench.close());

function changed(image: Uint8Array, change: (bytes: Uint8Array, view: DataView) => void): Uint8Array {
  const copy = Uint8Array.from(image);
  change(copy, new DataView(copy.buffer));
  return copy;
}

describe('an image is refused', () => {
  const cases: [string, string, () => Promise<Uint8Array> | Uint8Array][] = [
    [
      'whose data was changed',
      'VERITY_DATA',
      () => changed(sound.bytes, (bytes) => bytes.fill(0, sound.dataOffset + 2e6, sound.dataOffset + 2e6 + 1)),
    ],
  ];
  for (const [what, code, make] of cases)
    it(`${what}: ${code}`, async () => {
      const before = readdirSync('/proc/self/fd').length;
      expect(await bench.verdict(await bench.file('image', await make()))).toBe(code);
      expect(readdirSync('/proc/self/fd').length).toBe(before);
      expect(bench.copies()).toEqual([]);
    });
  it('accepts the sound one', async () => {
    expect(await bench.verdict(await bench.file('image', sound.bytes))).toBe('attached');
    expect(signDocument).toBeDefined();
    expect(stranger).toBeDefined();
    console.log(JSON.stringify(bench.status(), null, 1));
  });
});
