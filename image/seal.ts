/** fs-verity: the digest by which a file is known whose bytes the kernel has sealed, and what is signed of it. */
import type { VerityAlgorithm } from './verity-superblock.ts';

export interface SealDigest {
  readonly algorithm: VerityAlgorithm;
  /** of the file's hash tree and its parameters: what `fsverity measure` prints */
  readonly digest: Uint8Array;
}

/** FS_VERITY_HASH_ALG_* of linux/fsverity.h */
const algorithmNumbers = { sha256: 1, sha512: 2 } as const;
const magic = 'FSVerity';

/** The algorithm of a number of the kernel's; undefined for one that is newer than this. */
export function sealAlgorithm(number: number): VerityAlgorithm | undefined {
  if (number === algorithmNumbers.sha256) return 'sha256';
  return number === algorithmNumbers.sha512 ? 'sha512' : undefined;
}

/** What is signed: `struct fsverity_formatted_digest` of linux/fsverity.h, so that a signature serves the kernel's keyring as well. */
export function sealedContent({ algorithm, digest }: SealDigest): Uint8Array {
  const bytes = Buffer.alloc(magic.length + 4 + digest.length);
  bytes.write(magic, 'latin1');
  bytes.writeUInt16LE(algorithmNumbers[algorithm], magic.length);
  bytes.writeUInt16LE(digest.length, magic.length + 2);
  bytes.set(digest, magic.length + 4);
  return bytes;
}
