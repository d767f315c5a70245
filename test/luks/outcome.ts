/** What comes of reading bytes as a volume. */
import { expect } from 'vitest';
import { readLuks } from '../../image/luks/header.ts';
import type { LuksVolume } from '../../image/luks/volume.ts';
import { inside, memoryReader } from '../../image/reader.ts';
import { PosternError } from '../../mesh/errors.ts';
import { materialSize } from '../../services/verity/unlock/keyslot.ts';

/** The volume, or the code of its refusal. */
export async function outcome(bytes: Uint8Array): Promise<LuksVolume | string> {
  try {
    return await readLuks(memoryReader(bytes));
  } catch (thrown) {
    if (thrown instanceof PosternError) return thrown.code;
    throw thrown;
  }
}

/** They are refused by name, or lead nowhere that a reader would trip over. */
export async function expectNothingOutside(bytes: Uint8Array): Promise<void> {
  const read = await outcome(bytes);
  if (typeof read !== 'string') expectBounds(read, bytes.length);
}

function expectBounds({ segment, keyslots, digest }: LuksVolume, size: number): void {
  expect(inside(segment.offset, segment.size, size)).toBe(true);
  expect(segment.size).toBeGreaterThan(0);
  expect(segment.size % segment.sectorSize).toBe(0);
  for (const keyslot of keyslots) {
    const { area, keySize, stripes, derivation } = keyslot;
    expect(inside(area.offset, area.size, segment.offset)).toBe(true);
    expect(inside(area.offset, materialSize(keyslot), size)).toBe(true);
    expect(keySize * stripes).toBeLessThanOrEqual(area.size);
    expect(stripes).toBeGreaterThan(0);
    expect(stripes).toBeLessThanOrEqual(4000);
    expect([32, 64]).toContain(keySize);
    expect(derivation.salt.length).toBeGreaterThan(0);
  }
  expect(digest.iterations).toBeGreaterThan(0);
  expect(digest.digest.length).toBeGreaterThanOrEqual(16);
}
