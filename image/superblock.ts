/** Which file system some bytes hold, by its superblock: magic number and enough sanity that the claim is believable. */
import { getUint64, toHex, viewOf } from './bytes.ts';
import { uuidText } from './guid.ts';
import type { Reader } from './reader.ts';

export const fileSystems = ['erofs', 'squashfs', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat'] as const;
export type FileSystem = (typeof fileSystems)[number];

/** Whether there is such a thing as writing to it. */
export function isWritable(type: FileSystem): boolean {
  return type !== 'erofs' && type !== 'squashfs';
}

export interface Superblock {
  readonly type: FileSystem;
  /** how much the file system says it takes, in bytes; never more than there is */
  readonly size: number;
  readonly blockSize: number;
  readonly uuid: string | null;
  readonly label: string | null;
  /** It says itself that it wants a check before it is written to. What a journal puts right does not count. */
  readonly isUnclean: boolean;
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
  return { type: 'squashfs', size: getUint64(view, 40), blockSize, uuid: null, label: null, isUnclean: false };
};

/** linux/fs/xfs/libxfs/xfs_format.h: at 0, big-endian. */
const xfs: Probe = (front, view) => {
  if (view.getUint32(0) !== 0x5846_5342) return undefined;
  const blockSize = view.getUint32(4);
  if (!blockBits(blockSize, 9, 16)) return undefined;
  const size = getUint64(view, 8, false) * blockSize;
  return { type: 'xfs', size, blockSize, uuid: uuid(front, 32), label: text(front, 108, 12), isUnclean: false };
};

/** linux/fs/erofs/erofs_fs.h: at 1024. Blocks beyond 32 bits are of no use to an image. */
const erofs: Probe = (front, view) => {
  if (view.getUint32(1024, true) !== 0xe0f5_e1e2) return undefined;
  const bits = view.getUint8(1024 + 12);
  if (bits < 9 || bits > 16) return undefined;
  const blockSize = 2 ** bits;
  const size = view.getUint32(1024 + 36, true) * blockSize;
  return { type: 'erofs', size, blockSize, uuid: uuid(front, 1024 + 48), label: text(front, 1024 + 64, 16), isUnclean: false };
};

/** linux/fs/ext4/ext4.h: at 1024. ext2 and ext3 are mounted by the same driver. */
const ext4: Probe = (front, view) => {
  if (view.getUint16(1024 + 56, true) !== 0xef53) return undefined;
  const bits = view.getUint32(1024 + 24, true);
  if (bits > 6) return undefined;
  const blockSize = 1024 * 2 ** bits;
  const is64Bit = (view.getUint32(1024 + 96, true) & 0x80) !== 0;
  const blocks = view.getUint32(1024 + 4, true) + (is64Bit ? view.getUint32(1024 + 0x150, true) * 2 ** 32 : 0);
  // s_state: 1 unmounted in order, 2 errors were met; without a journal nothing but a check can follow a mount that was cut off
  const state = view.getUint16(1024 + 58, true);
  const hasJournal = (view.getUint32(1024 + 92, true) & 0x4) !== 0;
  const isUnclean = (state & 2) !== 0 || (!hasJournal && (state & 1) === 0);
  return {
    type: 'ext4',
    size: blocks * blockSize,
    blockSize,
    uuid: uuid(front, 1024 + 104),
    label: text(front, 1024 + 120, 16),
    isUnclean,
  };
};

/** linux/include/linux/f2fs_fs.h: at 1024. */
const f2fs: Probe = (front, view) => {
  if (view.getUint32(1024, true) !== 0xf2f5_2010) return undefined;
  const bits = view.getUint32(1024 + 16, true);
  if (bits < 12 || bits > 16) return undefined;
  const blockSize = 2 ** bits;
  return {
    type: 'f2fs',
    size: getUint64(view, 1024 + 36) * blockSize,
    blockSize,
    uuid: uuid(front, 1024 + 108),
    label: new TextDecoder('utf-16le').decode(front.subarray(1024 + 124, 1024 + 124 + 1024)).replace(/\0.*$/s, '') || null,
    isUnclean: false,
  };
};

/** Microsoft's FAT specification: the boot sector, with the kind of table in words. FAT32 has its later fields further behind. */
const vfat: Probe = (front, view) => {
  const word = (offset: number) => Buffer.from(front.subarray(offset, offset + 8)).toString('latin1');
  const isWide = word(82) === 'FAT32   ';
  if (!isWide && word(54) !== 'FAT16   ' && word(54) !== 'FAT12   ') return undefined;
  if (view.getUint16(510, true) !== 0xaa55 || (front[0] !== 0xeb && front[0] !== 0xe9)) return undefined;
  const sectorSize = view.getUint16(11, true);
  const sectorsPerCluster = view.getUint8(13);
  const tables = view.getUint8(16);
  if (!blockBits(sectorSize, 9, 12) || !blockBits(sectorsPerCluster, 0, 7) || tables < 1 || tables > 2) return undefined;
  const sectors = view.getUint16(19, true) || view.getUint32(32, true);
  const [dirtyAt, labelAt] = isWide ? [65, 71] : [37, 43];
  const label = Buffer.from(front.subarray(labelAt, labelAt + 11))
    .toString('latin1')
    .trimEnd();
  return {
    type: 'vfat',
    size: sectors * sectorSize,
    blockSize: sectorSize * sectorsPerCluster,
    uuid: null,
    label: label === '' || label === 'NO NAME' ? null : label,
    isUnclean: (view.getUint8(dirtyAt) & 1) !== 0,
  };
};

/** Strongest signature first: ext4's is two bytes long, which another file system's may hold by chance. */
const probes: readonly Probe[] = [squashfs, xfs, erofs, f2fs, ext4, vfat];

/** linux/include/uapi/linux/btrfs_tree.h: at 64 KiB; one device, since an image is one. */
function btrfs(block: Uint8Array): Superblock | undefined {
  const view = viewOf(block);
  if (toHex(block.subarray(64, 72)) !== '5f42485266535f4d' || getUint64(view, 48) !== btrfsOffset) return undefined;
  const blockSize = view.getUint32(0x90, true);
  if (!blockBits(blockSize, 12, 16) || getUint64(view, 0x88) !== 1) return undefined;
  return { type: 'btrfs', size: getUint64(view, 0x70), blockSize, uuid: uuid(block, 32), label: text(block, 0x12b, 256), isUnclean: false };
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
