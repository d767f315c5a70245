/**
 * How a dm-verity hash tree of type 1 lies on its device (linux/Documentation/admin-guide/device-mapper/verity.rst): levels of
 * salted block digests, each digest in a slot of a power of two, blocks padded with zeros; the highest level comes first.
 */
import { roundUp } from './bytes.ts';
import { type VerityAlgorithm, type VerityParameters, veritySuperblockBytes } from './verity-superblock.ts';

export interface TreeLevel {
  /** from the start of the hash device, in bytes */
  readonly offset: number;
  readonly blocks: number;
  /** digests that this level holds: one for each block of the level below, or of the data */
  readonly digests: number;
}

export interface TreeLayout {
  /** in bytes; equals the size of its slot for both algorithms */
  readonly digestSize: number;
  readonly digestsPerBlock: number;
  /** lowest level (digests of data) first; none where the data is a single block, whose digest is then the root hash */
  readonly levels: readonly TreeLevel[];
  /** where the tree ends, from the start of the hash device */
  readonly end: number;
}

export function digestBytes(algorithm: VerityAlgorithm): number {
  return algorithm === 'sha256' ? 32 : 64;
}

/** Lays out the tree behind a superblock. All inputs are of a parsed superblock, so every number stays exact. */
export function layOutTree(parameters: VerityParameters): TreeLayout {
  const digestSize = digestBytes(parameters.algorithm);
  const digestsPerBlock = parameters.hashBlockSize / digestSize;
  const sizes: { blocks: number; digests: number }[] = [];
  for (let digests = parameters.dataBlocks; digests > 1; ) {
    const blocks = Math.ceil(digests / digestsPerBlock);
    sizes.push({ blocks, digests });
    digests = blocks;
  }
  let offset = roundUp(veritySuperblockBytes, parameters.hashBlockSize);
  const topFirst = sizes.reverse().map((level) => {
    const placed = { ...level, offset };
    offset += level.blocks * parameters.hashBlockSize;
    return placed;
  });
  return { digestSize, digestsPerBlock, levels: topFirst.reverse(), end: offset };
}
