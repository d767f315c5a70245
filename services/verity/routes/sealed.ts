/**
 * The sealed file: the kernel has sealed it with fs-verity, so that nobody can change it and each page is checked when it is read, and
 * somebody who is trusted signed its digest. That is the kernel's `.fs-verity` keyring, for a signature stored with the file, or
 * a certificate of the operator's. It is mounted as it is, from the very descriptor whose digest was asked for.
 */
import { sealedContent } from '../../../image/seal.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { VerityConfig } from '../config.ts';
import type { Trust } from '../trust.ts';
import type { Admission, Candidate, Route } from './route.ts';

export interface SealedParts {
  readonly trust: Trust;
  readonly signers: VerityConfig['signers'];
  /** this kernel has checked what is stored with a sealed file */
  readonly kernelChecks: boolean;
}

export function sealedRoute(parts: SealedParts): Route {
  return {
    name: 'sealed',
    use: (_fileSystem, sealed) => (sealed !== null && (sealed.given ?? sealed.seal.stored) !== null ? 'signed' : undefined),
    async admit(candidate) {
      const { fileSystem, source } = candidate;
      if (fileSystem.superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN');
      return {
        fileSystem: fileSystem.superblock.type,
        descriptors: [source.descriptor.duplicate()],
        // Always a device of its own: another's, made before the file was sealed, may remember other bytes.
        source: (descriptor) => ({ kind: 'part', descriptor, offset: fileSystem.offset, size: fileSystem.size, shared: false }),
        keepsSetuid: true,
        writable: false,
        signer: await judge(candidate, parts),
        cached: true,
      };
    },
  };
}

/** The certificate that made the signature; null where the kernel's keyring vouches for it. */
async function judge({ sealed }: Candidate, { trust, signers, kernelChecks }: SealedParts): Promise<Admission['signer']> {
  if (sealed === null) throw new PosternError('SIGNATURE_MISSING');
  const { seal, given } = sealed;
  if (seal.stored !== null && kernelChecks && signers !== 'certificates') return null;
  if (signers === 'kernel')
    throw new PosternError('SIGNER_UNKNOWN', "only the kernel's keyrings count here, and none has vouched for this file");
  const signature = given ?? seal.stored;
  if (signature === null) throw new PosternError('SIGNATURE_MISSING');
  return trust.judge({ content: sealedContent(seal), signature });
}
