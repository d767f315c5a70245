/** Which files the kernel may read by itself, without waiting for anybody. */
import type { Descriptor } from '../../mesh/descriptors.ts';
import { fileSystemMagics } from '../../native/constants.ts';
import { native } from '../../native/index.ts';

/**
 * The kernel reads a file behind a device whenever it likes, and waits for it: a file system in user space could hold up the mounter for
 * good. So only files of file systems that the host's own kernel serves are taken; others are copied, by a service that can wait.
 */
const localFileSystems: readonly number[] = [
  fileSystemMagics.EXT4_SUPER_MAGIC,
  fileSystemMagics.XFS_SUPER_MAGIC,
  fileSystemMagics.BTRFS_SUPER_MAGIC,
  fileSystemMagics.F2FS_SUPER_MAGIC,
  fileSystemMagics.TMPFS_MAGIC,
  fileSystemMagics.EROFS_SUPER_MAGIC_V1,
  fileSystemMagics.SQUASHFS_MAGIC,
];

export function isLocal(descriptor: Descriptor): boolean {
  const { type, fileSystemMagic } = native.describe(descriptor.fd);
  return type === 'block' || localFileSystems.includes(fileSystemMagic);
}
