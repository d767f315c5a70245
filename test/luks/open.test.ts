/** What cryptsetup made opens with its password, whatever it was made with, and with no other. */
import { describe, expect, it } from 'vitest';
import { readLuks } from '../../image/luks/header.ts';
import { decryptedReader } from '../../image/luks/xts.ts';
import { memoryReader } from '../../image/reader.ts';
import { detectFileSystem } from '../../image/superblock.ts';
import { materialSize, openKeyslot } from '../../services/verity/unlock/keyslot.ts';
import { fakeFileSystem } from '../image/images.ts';
import { makeVolume, type Volume, type VolumeOptions } from './volumes.ts';

const content = fakeFileSystem(64 * 1024);

/** The key that the first of the keyslots gives that a password opens. */
async function keyOf({ bytes }: Volume, password: string): Promise<Uint8Array | null> {
  const reader = memoryReader(bytes);
  const { keyslots, digest } = await readLuks(reader);
  for (const keyslot of keyslots) {
    const material = await reader.read(keyslot.area.offset, materialSize(keyslot));
    const key = await openKeyslot({ keyslot, material, digest }, Buffer.from(password));
    if (key !== null) return key;
  }
  return null;
}

describe('a volume that cryptsetup made', () => {
  const kinds: readonly Partial<VolumeOptions>[] = [
    { derivation: 'pbkdf2' },
    { derivation: 'argon2id' },
    { derivation: 'argon2i' },
    { derivation: 'argon2id', sectorSize: 4096 },
    { derivation: 'pbkdf2', keyBits: 256 },
    { derivation: 'pbkdf2', arguments: ['--hash', 'sha512'] },
    { version: 1 },
    { version: 1, keyBits: 256 },
    { version: 1, arguments: ['--hash', 'sha1'] },
    { version: 1, arguments: ['--hash', 'sha1'], keyBits: 256 },
    { version: 1, arguments: ['--hash', 'sha512'] },
  ];
  for (const kind of kinds) {
    it(`gives its key for its password: ${JSON.stringify(kind)}`, async () => {
      const volume = makeVolume({ password: 'correct horse', content, ...kind });
      expect(Buffer.from((await keyOf(volume, 'correct horse')) ?? [])).toEqual(Buffer.from(volume.key));
      expect(await keyOf(volume, 'correct hors')).toBeNull();
    });
  }

  it.each([1, 2] as const)('opens with the password of any keyslot: LUKS%i', async (version) => {
    const volume = makeVolume({ version, password: 'first', morePasswords: ['second', 'thïrd'], content });
    for (const password of ['first', 'second', 'thïrd']) expect(await keyOf(volume, password)).not.toBeNull();
    expect(await keyOf(volume, '')).toBeNull();
  });

  it('shows its file system through its key, at any place', async () => {
    for (const kind of [{ version: 1 }, { sectorSize: 512 }, { sectorSize: 4096 }] as const) {
      const { bytes, key } = makeVolume({ password: 'x', content, ...kind });
      const reader = memoryReader(bytes);
      const { segment } = await readLuks(reader);
      const inner = decryptedReader(reader, segment, key);
      expect(inner.size).toBe(content.length);
      expect(await detectFileSystem(inner)).toMatchObject({ type: 'erofs' });
      for (const [offset, length] of [
        [0, 1],
        [511, 2],
        [4095, 4098],
        [content.length - 1, 1],
      ] as const)
        expect(Buffer.from(await inner.read(offset, length))).toEqual(Buffer.from(content.subarray(offset, offset + length)));
      await expect(inner.read(content.length, 1)).rejects.toMatchObject({ code: 'IMAGE_TOO_SHORT' });
    }
  });
});
