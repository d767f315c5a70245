/** Which file system some bytes hold, by its superblock: magic number and enough sanity that the claim is believable. */
import { getUint64, toHex, viewOf } from './bytes.ts';
import { uuidText } from './guid.ts';
import type { Reader } from './reader.ts';

export const fileSystems = ['erofs', 'squashfs', 'ext4', 'xfs', 'btrfs'] as const;
export type FileSystem = (typeof fileSystems)[number];

export interface Superblock {
  readonly type: FileSystem;
  /** how much the file system says it takes, in bytes; never more than there is */
  readonly size: number;
  readonly blockSize: number;
  readonly uuid: string | null;
  readonly label: string | null;
}

/** Everything but btrfs has its superblock here. */
const frontBytes = 4096;
/** btrfs-dev-docs: the first superblock is at 64 KiB. */
const btrfsOffset = 65536;
const btrfsBytes = 4096;

type Probe = (front: Uint8Array, view: DataView) => Superblock | undefined;

/** The file system of a partition, or undefined where none is known or its superblock claims more than the partition has. */
export async function detectFileSystem(reader: Reader): Promise<Superblock | undefined> {
  if (reader.size < frontBytes) return undefined;
  const front = await reader.read(0, frontBytes);
  const view = viewOf(front);
  for (const probe of probes) {
    const found = probe(front, view);
    if (found !== undefined && found.size > 0 && found.size <= reader.size) return found;
  }
  if (reader.size < btrfsOffset + btrfsBytes) return undefined;
  const found = btrfs(await reader.read(btrfsOffset, btrfsBytes));
  return found !== undefined && found.size > 0 && found.size <= reader.size ? found : undefined;
}

/** linux/fs/squashfs/squashfs_fs.h: at 0, little-endian, version 4. */
const squashfs: Probe = (_front, view) => {
  if (view.getUint32(0, true) !== 0x7371_7368 || view.getUint16(28, true) !== 4) return undefined;
  const blockSize = view.getUint32(12, true);
  if (!blockBits(blockSize, 12, 20) || blockSize !== 2 ** view.getUint16(22, true)) return undefined;
  return { type: 'squashfs', size: getUint64(view, 40), blockSize, uuid: null, label: null };
};

/** linux/fs/xfs/libxfs/xfs_format.h: at 0, big-endian. */
const xfs: Probe = (front, view) => {
  if (view.getUint32(0) !== 0x5846_5342) return undefined;
  const blockSize = view.getUint32(4);
  if (!blockBits(blockSize, 9, 16)) return undefined;
  return { type: 'xfs', size: getUint64(view, 8, false) * blockSize, blockSize, uuid: uuid(front, 32), label: text(front, 108, 12) };
};

/** linux/fs/erofs/erofs_fs.h: at 1024. Blocks beyond 32 bits are of no use to an image. */
const erofs: Probe = (front, view) => {
  if (view.getUint32(1024, true) !== 0xe0f5_e1e2) return undefined;
  const bits = view.getUint8(1024 + 12);
  if (bits < 9 || bits > 16) return undefined;
  const blockSize = 2 ** bits;
  const size = view.getUint32(1024 + 36, true) * blockSize;
  return { type: 'erofs', size, blockSize, uuid: uuid(front, 1024 + 48), label: text(front, 1024 + 64, 16) };
};

/** linux/fs/ext4/ext4.h: at 1024. ext2 and ext3 are mounted by the same driver. */
const ext4: Probe = (front, view) => {
  if (view.getUint16(1024 + 56, true) !== 0xef53) return undefined;
  const bits = view.getUint32(1024 + 24, true);
  if (bits > 6) return undefined;
  const blockSize = 1024 * 2 ** bits;
  const is64Bit = (view.getUint32(1024 + 96, true) & 0x80) !== 0;
  const blocks = view.getUint32(1024 + 4, true) + (is64Bit ? view.getUint32(1024 + 0x150, true) * 2 ** 32 : 0);
  return { type: 'ext4', size: blocks * blockSize, blockSize, uuid: uuid(front, 1024 + 104), label: text(front, 1024 + 120, 16) };
};

/** Strongest signature first: ext4's is two bytes long, which another file system's may hold by chance. */
const probes: readonly Probe[] = [squashfs, xfs, erofs, ext4];

/** linux/include/uapi/linux/btrfs_tree.h: at 64 KiB; one device, since an image is one. */
function btrfs(block: Uint8Array): Superblock | undefined {
  const view = viewOf(block);
  if (toHex(block.subarray(64, 72)) !== '5f42485266535f4d' || getUint64(view, 48) !== btrfsOffset) return undefined;
  const blockSize = view.getUint32(0x90, true);
  if (!blockBits(blockSize, 12, 16) || getUint64(view, 0x88) !== 1) return undefined;
  return { type: 'btrfs', size: getUint64(view, 0x70), blockSize, uuid: uuid(block, 32), label: text(block, 0x12b, 256) };
}

function blockBits(size: number, least: number, most: number): boolean {
  return size >= 2 ** least && size <= 2 ** most && Number.isInteger(Math.log2(size));
}

function uuid(bytes: Uint8Array, offset: number): string | null {
  const part = bytes.subarray(offset, offset + 16);
  return part.every((byte) => byte === 0) ? null : uuidText(part);
}

/** A NUL-padded name, as UTF-8; null when empty. */
function text(bytes: Uint8Array, offset: number, length: number): string | null {
  const part = bytes.subarray(offset, offset + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end)) || null;
}
