/** The superblock in front of a dm-verity hash tree (cryptsetup's "Verity superblock format"), read and written. */
import { PosternError } from '../mesh/errors.ts';
import { allZero, getUint64, isPowerOfTwo, viewOf } from './bytes.ts';
import { uuidText } from './guid.ts';

export const veritySuperblockBytes = 512;
/** The field's own size. */
const maxSaltBytes = 256;
/** dm-verity takes powers of two from 512; above 64 KiB no page size reaches. */
const minBlockSize = 512;
const maxBlockSize = 65536;

export const verityAlgorithms = ['sha256', 'sha512'] as const;
export type VerityAlgorithm = (typeof verityAlgorithms)[number];

/** What a hash tree is made from. Unsigned, and it need not be signed: other values give another root hash. */
export interface VerityParameters {
  readonly algorithm: VerityAlgorithm;
  readonly salt: Uint8Array;
  readonly dataBlockSize: number;
  readonly hashBlockSize: number;
  readonly dataBlocks: number;
}

export interface VeritySuperblock extends VerityParameters {
  readonly uuid: string;
}

/** @throws PosternError VERITY_SUPERBLOCK, with the field that is wrong */
export function parseVeritySuperblock(bytes: Uint8Array): VeritySuperblock {
  if (bytes.length < veritySuperblockBytes) throw wrong('too short');
  const view = viewOf(bytes);
  if (Buffer.from(bytes.subarray(0, 8)).toString('latin1') !== 'verity\0\0') throw wrong('no signature');
  if (view.getUint32(8, true) !== 1) throw wrong('unknown version');
  if (view.getUint32(12, true) !== 1) throw wrong('not of hash type 1');
  const dataBlockSize = blockSize(view.getUint32(64, true));
  const hashBlockSize = blockSize(view.getUint32(68, true));
  const dataBlocks = getUint64(view, 72);
  if (dataBlocks === 0 || !Number.isSafeInteger(dataBlocks * dataBlockSize)) throw wrong('impossible number of data blocks');
  const saltBytes = view.getUint16(80, true);
  if (saltBytes > maxSaltBytes) throw wrong('impossible salt size');
  return {
    uuid: uuidText(bytes.subarray(16, 32)),
    algorithm: algorithm(bytes.subarray(32, 64)),
    salt: bytes.slice(88, 88 + saltBytes),
    dataBlockSize,
    hashBlockSize,
    dataBlocks,
  };
}

export function writeVeritySuperblock(superblock: VeritySuperblock): Uint8Array {
  const bytes = new Uint8Array(veritySuperblockBytes);
  const view = viewOf(bytes);
  bytes.set(Buffer.from('verity\0\0', 'latin1'));
  view.setUint32(8, 1, true);
  view.setUint32(12, 1, true);
  bytes.set(Buffer.from(superblock.uuid.replaceAll('-', ''), 'hex'), 16);
  bytes.set(Buffer.from(superblock.algorithm, 'latin1'), 32);
  view.setUint32(64, superblock.dataBlockSize, true);
  view.setUint32(68, superblock.hashBlockSize, true);
  view.setBigUint64(72, BigInt(superblock.dataBlocks), true);
  view.setUint16(80, superblock.salt.length, true);
  bytes.set(superblock.salt, 88);
  return bytes;
}

function algorithm(field: Uint8Array): VerityAlgorithm {
  for (const name of verityAlgorithms)
    if (Buffer.from(field.subarray(0, name.length)).toString('latin1') === name && allZero(field.subarray(name.length))) return name;
  throw wrong('its hash is neither sha256 nor sha512');
}

function blockSize(size: number): number {
  if (!isPowerOfTwo(size) || size < minBlockSize || size > maxBlockSize) throw wrong('impossible block size');
  return size;
}

function wrong(detail: string): PosternError {
  return new PosternError('VERITY_SUPERBLOCK', detail);
}
