/** Whether an image can be activated in place, as a device whose every block the kernel checks, and what the mounter needs for that. */
import { toHex } from '../../../image/bytes.ts';
import { protectedSize, type Verity } from '../../../image/image.ts';
import type { FileSystem } from '../../../image/superblock.ts';
import type { MountSource } from '../../../mesh/protocol.ts';
import { isLocal } from '../local-files.ts';
import type { Admission, Candidate } from './route.ts';

/** What a device is made by, and who judged that or is to. */
export interface Foundation {
  readonly verity: Verity;
  readonly rootHash: Uint8Array;
  readonly type: FileSystem;
  /** for the kernel's keyrings; null where they are not asked */
  readonly signature: Uint8Array | null;
  /** the certificate that made the signature; null where the kernel has to know the signer, or where nobody need have signed */
  readonly certificate: Admission['signer'];
}

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

/** The whole of the device's data is the image's own; nothing of it was read. */
export function deviceAdmission(
  candidate: Pick<Candidate, 'source' | 'sidecar' | 'fileSystem'>,
  { verity, rootHash, type, signature, certificate }: Foundation,
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
      rootHash: toHex(rootHash),
      salt: toHex(salt),
      algorithm,
      dataBlockSize,
      hashBlockSize,
      signature: signature === null ? null : new Uint8Array(signature),
      trusted: certificate !== null,
    }),
    keepsSetuid: true,
    writable: false,
    signer: certificate,
    cached: true,
  };
}
