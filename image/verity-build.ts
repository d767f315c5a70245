/** Makes the hash tree of some data: the writing side of `verity-check.ts`. */
import type { Reader } from './reader.ts';
import type { HashBlocks } from './verity-check.ts';
import { type VeritySuperblock, writeVeritySuperblock } from './verity-superblock.ts';
import { layOutTree } from './verity-tree.ts';

const pieceBytes = 4 * 1024 * 1024;

export interface BuiltTree {
  readonly rootHash: Uint8Array;
  /** the hash device: superblock, then the tree */
  readonly device: Uint8Array;
}

/** Hashes `data`, whose size is the superblock's, and makes the hash device. Holds the tree, 1/128 of the data, in memory. */
export async function buildTree(
  data: Reader,
  superblock: VeritySuperblock,
  hash: HashBlocks,
  progress?: (done: number) => void,
): Promise<BuiltTree> {
  const { algorithm, salt, dataBlockSize, hashBlockSize, dataBlocks } = superblock;
  const { levels, end, digestSize } = layOutTree(superblock);
  const device = new Uint8Array(end);
  device.set(writeVeritySuperblock(superblock));
  const size = dataBlocks * dataBlockSize;
  const lowest = levels[0];
  const digests = lowest ? device.subarray(lowest.offset, lowest.offset + lowest.blocks * hashBlockSize) : new Uint8Array(digestSize);
  for (let offset = 0; offset < size; offset += pieceBytes) {
    const piece = await data.read(offset, Math.min(pieceBytes, size - offset));
    digests.set(await hash(piece, { algorithm, salt, blockSize: dataBlockSize }), (offset / dataBlockSize) * digestSize);
    progress?.(offset + piece.length);
  }
  let below = digests;
  for (const level of levels.slice(1)) {
    const content = device.subarray(level.offset, level.offset + level.blocks * hashBlockSize);
    content.set(await hash(below, { algorithm, salt, blockSize: hashBlockSize }));
    below = content;
  }
  const rootHash = lowest ? await hash(below, { algorithm, salt, blockSize: hashBlockSize }) : digests;
  return { rootHash, device };
}
