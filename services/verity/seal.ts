/** Whether the kernel has sealed a file with fs-verity, and who says that it is a good one. */
import { existsSync } from 'node:fs';
import { type SealDigest, sealAlgorithm } from '../../image/seal.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { fileSystemMagics } from '../../native/constants.ts';
import { native } from '../../native/index.ts';

export interface Seal extends SealDigest {
  /** kept with the file; where the kernel checks such signatures it has, before the file could be opened */
  readonly stored: Uint8Array | null;
}

/** Whose word about a seal is the kernel's own. A file system in user space says what its server likes. */
const sealing: readonly number[] = [
  fileSystemMagics.EXT4_SUPER_MAGIC,
  fileSystemMagics.BTRFS_SUPER_MAGIC,
  fileSystemMagics.F2FS_SUPER_MAGIC,
];

/** The seal of the very file that is open here; null where it has none. */
export function sealOf(descriptor: Descriptor): Seal | null {
  const { type, fileSystemMagic } = native.describe(descriptor.fd);
  if (type !== 'regular' || !sealing.includes(fileSystemMagic)) return null;
  const measured = native.sealDigest(descriptor.fd);
  const algorithm = measured === null ? undefined : sealAlgorithm(measured.algorithm);
  if (measured === null || algorithm === undefined) return null;
  return { algorithm, digest: measured.digest, stored: native.sealSignature(descriptor.fd) };
}

/**
 * Whether this kernel checks the signatures that are stored with sealed files (CONFIG_FS_VERITY_BUILTIN_SIGNATURES): a file with a
 * signature that its `.fs-verity` keyring does not vouch for can't be opened then. Without, it stores whatever it is given.
 */
export function kernelChecksSeals(): boolean {
  return existsSync('/proc/sys/fs/verity/require_signatures');
}
