/**
 * The anti-forensic splitter of LUKS (C. Fruhwirth, "New Methods in Hard Disk Encryption", 5.2): a key is spread over many stripes, all of
 * which are needed, so that losing any one of them destroys it.
 */
import { createHash } from 'node:crypto';
import { viewOf } from '../bytes.ts';
import { digestBytes, type LuksHash } from './volume.ts';

/** The key out of its stripes, which are as long as the key. The material is the caller's to wipe. */
export function mergeStripes(material: Uint8Array, keySize: number, stripes: number, hash: LuksHash): Uint8Array {
  const key = chain(material, keySize, stripes - 1, hash);
  xor(key, material.subarray((stripes - 1) * keySize, stripes * keySize));
  return key;
}

/** The stripes of a key, made of random ones: all but the last of them are filled already. */
export function splitKey(key: Uint8Array, material: Uint8Array, stripes: number, hash: LuksHash): void {
  const last = chain(material, key.length, stripes - 1, hash);
  xor(last, key);
  material.set(last, (stripes - 1) * key.length);
}

function chain(material: Uint8Array, size: number, stripes: number, hash: LuksHash): Uint8Array {
  const state = new Uint8Array(size);
  for (let stripe = 0; stripe < stripes; stripe++) {
    xor(state, material.subarray(stripe * size, (stripe + 1) * size));
    diffuse(state, hash);
  }
  return state;
}

function xor(target: Uint8Array, other: Uint8Array): void {
  for (let at = 0; at < target.length; at++) target[at] = (target[at] ?? 0) ^ (other[at] ?? 0);
}

/** Each part of the length of a digest becomes the digest of its number and itself. */
function diffuse(state: Uint8Array, hash: LuksHash): void {
  const step = digestBytes[hash];
  const number = new Uint8Array(4);
  for (let at = 0; at < state.length; at += step) {
    viewOf(number).setUint32(0, at / step);
    const part = state.subarray(at, at + step);
    state.set(createHash(hash).update(number).update(part).digest().subarray(0, part.length), at);
  }
}
