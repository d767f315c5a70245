/** Whether an image can be activated in place, as a device whose every block the kernel checks, and what the mounter needs for that. */
import { toHex } from '../../../image/bytes.ts';
import { protectedSize, type Verity } from '../../../image/image.ts';
import type { SignatureDocument } from '../../../image/signature-document.ts';
import type { FileSystem } from '../../../image/superblock.ts';
import type { Descriptor } from '../../../mesh/descriptors.ts';
import type { MountSource } from '../../../mesh/protocol.ts';
import { fileSystemMagics } from '../../../native/constants.ts';
import { native } from '../../../native/index.ts';
import type { Admission, Candidate } from './route.ts';

/** Who judged the signature, or is to. */
export interface Judgement {
  /** the certificate that made the signature; null where only the kernel may know the signer */
  readonly certificate: Admission['signer'];
  /** the kernel's keyrings are asked too */
  readonly askKernel: boolean;
}

/**
 * The kernel reads such a file whenever it likes, and waits for it: a file system in user space could hold up the mounter for good. So
 * only files of file systems that the host's own kernel serves are taken; others are copied, by a service that can wait.
 */
const localFileSystems: readonly number[] = [
  fileSystemMagics.EXT4_SUPER_MAGIC,
  fileSystemMagics.XFS_SUPER_MAGIC,
  fileSystemMagics.BTRFS_SUPER_MAGIC,
  fileSystemMagics.TMPFS_MAGIC,
  fileSystemMagics.EROFS_SUPER_MAGIC_V1,
  fileSystemMagics.SQUASHFS_MAGIC,
];

/** What the mounter said of its kernel. */
export class VerityDevices {
  #reason: string | null = 'not asked yet';

  /** @param reason why the kernel makes none, or null */
  told(reason: string | null): void {
    this.#reason = reason;
  }

  get served(): boolean {
    return this.#reason === null;
  }

  takes({ source, sidecar }: Pick<Candidate, 'source' | 'sidecar'>): boolean {
    return this.served && [source, sidecar].every((file) => file === undefined || isLocal(file.descriptor));
  }

  status(): Record<string, unknown> {
    return { served: this.served, reason: this.#reason };
  }
}

export function isLocal(descriptor: Descriptor): boolean {
  const { type, fileSystemMagic } = native.describe(descriptor.fd);
  return type === 'block' || localFileSystems.includes(fileSystemMagic);
}

/** The whole of the device's data is the image's own; nothing of it was read. */
export function deviceAdmission(
  candidate: Candidate,
  verity: Verity,
  document: SignatureDocument,
  type: FileSystem,
  { certificate, askKernel }: Judgement,
): Admission {
  const { source, sidecar, fileSystem } = candidate;
  const { algorithm, salt, dataBlockSize, hashBlockSize } = verity.superblock;
  const hashFile = verity.place === 'image' ? source : (sidecar ?? source);
  return {
    fileSystem: type,
    descriptors: [source.descriptor.duplicate(), hashFile.descriptor.duplicate()],
    source: (first): MountSource => ({
      kind: 'verity-device',
      descriptor: first,
      hashDescriptor: first + 1,
      dataOffset: fileSystem.offset,
      dataSize: protectedSize(verity),
      hashOffset: verity.offset,
      hashSize: verity.size,
      rootHash: toHex(document.rootHash),
      salt: toHex(salt),
      algorithm,
      dataBlockSize,
      hashBlockSize,
      signature: askKernel ? new Uint8Array(document.signature) : null,
      trusted: certificate !== null,
    }),
    keepsSetuid: true,
    signer: certificate,
    cached: true,
  };
}
