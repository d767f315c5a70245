/**
 * Proves data against a root hash by its hash tree. The tree goes first, from the top down, so that every digest is known to be
 * authentic before anything is compared with it, and nothing is read or reserved on the word of an unproved number.
 */
import { PosternError } from '../mesh/errors.ts';
import { allZero, equalBytes } from './bytes.ts';
import type { Reader } from './reader.ts';
import type { VerityAlgorithm, VerityParameters } from './verity-superblock.ts';
import { layOutTree, type TreeLayout, type TreeLevel } from './verity-tree.ts';

/** Digests of consecutive salted blocks, H(salt ‖ block) each; done elsewhere, since hashing a lot must not block this thread. */
export type HashBlocks = (
  data: Uint8Array,
  parameters: { readonly algorithm: VerityAlgorithm; readonly salt: Uint8Array; readonly blockSize: number },
) => Promise<Uint8Array>;

/** What the levels above the lowest may take in memory: they stay there during a check. Enough for 512 GiB of 4 KiB blocks. */
const maxUpperBytes = 32 * 1024 * 1024;
/** Level blocks are read and hashed in pieces of this size. A multiple of every block size. */
const pieceBytes = 1024 * 1024;

/** A hash tree whose upper levels were found authentic; the lowest is read and proved piece by piece, in step with the data. */
export class VerityTree {
  readonly layout: TreeLayout;
  readonly dataSize: number;
  readonly #device: Reader;
  readonly #hash: HashBlocks;
  readonly #parameters: VerityParameters;
  /** authentic digests of level i's blocks at index i: the content of level i + 1, or the root hash for the highest */
  readonly #above: Uint8Array[] = [];
  #zeroDigest: Promise<Uint8Array> | undefined;

  private constructor(device: Reader, parameters: VerityParameters, layout: TreeLayout, hash: HashBlocks) {
    this.#device = device;
    this.#parameters = parameters;
    this.layout = layout;
    this.dataSize = parameters.dataBlocks * parameters.dataBlockSize;
    this.#hash = hash;
  }

  /**
   * Reads and proves every level but the lowest.
   * @throws PosternError VERITY_TREE, IMAGE_TOO_LARGE, IMAGE_TOO_SHORT when the device ends before its tree
   */
  static async open(device: Reader, parameters: VerityParameters, rootHash: Uint8Array, hash: HashBlocks): Promise<VerityTree> {
    const layout = layOutTree(parameters);
    if (rootHash.length !== layout.digestSize) throw new PosternError('VERITY_SUPERBLOCK', 'its hash is not that of the root hash');
    const upper = layout.levels.slice(1).reduce((sum, level) => sum + level.blocks * parameters.hashBlockSize, 0);
    if (upper > maxUpperBytes) throw new PosternError('IMAGE_TOO_LARGE', 'its hash tree does not fit into memory');
    const tree = new VerityTree(device, parameters, layout, hash);
    let digests = rootHash;
    for (let index = layout.levels.length - 1; index >= 0; index--) {
      tree.#above[index] = digests;
      const level = layout.levels[index];
      if (level !== undefined && index > 0) digests = await tree.#readLevel(level, index);
    }
    if (layout.levels.length === 0) tree.#above[0] = rootHash;
    return tree;
  }

  /**
   * The authentic digests of data blocks [first, first + count).
   * @throws PosternError VERITY_TREE
   */
  async digests(first: number, count: number): Promise<Uint8Array> {
    const lowest = this.layout.levels[0];
    const { digestSize, digestsPerBlock } = this.layout;
    if (lowest === undefined) return this.#above[0] ?? new Uint8Array();
    const firstBlock = Math.floor(first / digestsPerBlock);
    const lastBlock = Math.floor((first + count - 1) / digestsPerBlock);
    const blocks = await this.#readBlocks(lowest, 0, firstBlock, lastBlock - firstBlock + 1);
    const skip = first - firstBlock * digestsPerBlock;
    return blocks.subarray(skip * digestSize, (skip + count) * digestSize);
  }

  /**
   * Proves whole data blocks, the first of which has the number `first`.
   * @throws PosternError VERITY_DATA, VERITY_TREE
   */
  async check(data: Uint8Array, first: number, isZero = false): Promise<void> {
    const { dataBlockSize, dataBlocks } = this.#parameters;
    const count = data.length / dataBlockSize;
    const [expected, computed] = await bothSettled(this.digests(first, count), isZero ? this.#zeroDigests(count) : this.#digestsOf(data));
    if (equalBytes(expected, computed)) return;
    const size = this.layout.digestSize;
    let bad = 0;
    while (equalBytes(expected.subarray(bad * size, (bad + 1) * size), computed.subarray(bad * size, (bad + 1) * size))) bad++;
    throw new PosternError('VERITY_DATA', `block ${first + bad} of ${dataBlocks}`);
  }

  #digestsOf(data: Uint8Array): Promise<Uint8Array> {
    const { algorithm, salt, dataBlockSize } = this.#parameters;
    return this.#hash(data, { algorithm, salt, blockSize: dataBlockSize });
  }

  /** A hole has the same digest over and over: computed once. */
  async #zeroDigests(count: number): Promise<Uint8Array> {
    this.#zeroDigest ??= this.#digestsOf(new Uint8Array(this.#parameters.dataBlockSize));
    const one = await this.#zeroDigest;
    const all = new Uint8Array(count * one.length);
    for (let index = 0; index < count; index++) all.set(one, index * one.length);
    return all;
  }

  async #readLevel(level: TreeLevel, index: number): Promise<Uint8Array> {
    const content = new Uint8Array(level.blocks * this.#parameters.hashBlockSize);
    const step = pieceBytes / this.#parameters.hashBlockSize;
    for (let block = 0; block < level.blocks; block += step)
      content.set(
        await this.#readBlocks(level, index, block, Math.min(step, level.blocks - block)),
        block * this.#parameters.hashBlockSize,
      );
    return content;
  }

  /** Blocks of a level, proved by the digests above them and by holding exactly as many digests as there are blocks below. */
  async #readBlocks(level: TreeLevel, index: number, first: number, count: number): Promise<Uint8Array> {
    const { algorithm, salt, hashBlockSize } = this.#parameters;
    const { digestSize, digestsPerBlock } = this.layout;
    const content = new Uint8Array(count * hashBlockSize);
    await this.#device.fill(content, level.offset + first * hashBlockSize);
    const computed = await this.#hash(content, { algorithm, salt, blockSize: hashBlockSize });
    const expected = this.#above[index]?.subarray(first * digestSize, (first + count) * digestSize) ?? new Uint8Array();
    if (!equalBytes(expected, computed)) throw new PosternError('VERITY_TREE', `level ${index}`);
    const used = Math.min(count * digestsPerBlock, level.digests - first * digestsPerBlock);
    if (!holdsExactly(content, used, digestSize)) throw new PosternError('VERITY_TREE', 'it was made for data of another size');
    return content;
  }
}

/**
 * The number of data blocks is not part of what is signed. But a tree of n blocks has n digests and then zeros, and no digest is
 * zero, so that a claim of more or fewer blocks shows.
 */
function holdsExactly(content: Uint8Array, used: number, digestSize: number): boolean {
  return !allZero(content.subarray((used - 1) * digestSize, used * digestSize)) && allZero(content.subarray(used * digestSize));
}

/** Both results, or the first failure once neither is under way any more: their buffers may be used again then. */
async function bothSettled<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await Promise.allSettled([a, b]);
  return [await a, await b];
}
