/** From a password to a volume's key, by one keyslot. Slow and synchronous, so only ever on a thread of its own (thread.ts). */
import { pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { argon2i, argon2id } from 'hash-wasm';
import { mergeStripes } from '../../../image/luks/anti-forensic.ts';
import type { KeyDerivation, KeyDigest, Keyslot } from '../../../image/luks/volume.ts';
import { decryptSectors } from '../../../image/luks/xts.ts';

/** Areas of keyslots are encrypted in sectors of this size, whatever the segment's. */
const areaSectorSize = 512;

/** A keyslot with what lies in its area. */
export interface LockedKey {
  readonly keyslot: Keyslot;
  /** the stripes, in whole sectors; wiped */
  readonly material: Uint8Array;
  readonly digest: KeyDigest;
}

/** How much of a keyslot's area is read: its stripes, in whole sectors. */
export function materialSize({ keySize, stripes }: Keyslot): number {
  return Math.ceil((keySize * stripes) / areaSectorSize) * areaSectorSize;
}

/** The volume's key, or null where this password does not open this keyslot. */
export async function openKeyslot({ keyslot, material, digest }: LockedKey, password: Uint8Array): Promise<Uint8Array | null> {
  const areaKey = await derive(password, keyslot.derivation, keyslot.area.keySize);
  decryptSectors(material, { key: areaKey, sectorSize: areaSectorSize, tweak: 0 });
  areaKey.fill(0);
  const key = mergeStripes(material, keyslot.keySize, keyslot.stripes, keyslot.hash);
  material.fill(0);
  if (timingSafeEqual(digestOf(key, digest), digest.digest)) return key;
  key.fill(0);
  return null;
}

function digestOf(key: Uint8Array, { hash, iterations, salt, digest }: KeyDigest): Uint8Array {
  return pbkdf2Sync(key, salt, iterations, digest.length, hash);
}

function derive(password: Uint8Array, derivation: KeyDerivation, length: number): Promise<Uint8Array> | Uint8Array {
  if (derivation.type === 'pbkdf2') return pbkdf2Sync(password, derivation.salt, derivation.iterations, length, derivation.hash);
  const { salt, passes, memory, lanes } = derivation;
  const argon2 = derivation.type === 'argon2i' ? argon2i : argon2id;
  return argon2({ password, salt, iterations: passes, memorySize: memory, parallelism: lanes, hashLength: length, outputType: 'binary' });
}
