/**
 * The signed image: somebody who is trusted signed the root hash of its hash tree. Who that is, the kernel's keyrings and the operator's
 * certificates say. Where the kernel has dm-verity the image is activated in place, and each block is checked when it is read;
 * elsewhere every byte is checked beforehand, of a copy that nobody else can write.
 */
import { type SignatureDocument, signedOf } from '../../../image/signature-document.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { VerityConfig } from '../config.ts';
import type { Keeper } from '../keeper.ts';
import type { Trust } from '../trust.ts';
import { deviceAdmission, type VerityDevices } from './device.ts';
import { type Admission, type Candidate, closeAdmissions, type Route, storedAdmission } from './route.ts';

export interface SignedParts {
  readonly trust: Trust;
  readonly keeper: Keeper;
  readonly devices: VerityDevices;
  readonly signers: VerityConfig['signers'];
}

export function signedRoute({ trust, keeper, devices, signers }: SignedParts): Route {
  return {
    name: 'signed',
    use: ({ verity, document }) => (verity !== undefined && document !== undefined ? 'signed' : undefined),
    async admit(candidate, waiter) {
      const { fileSystem, source, sidecar, uid } = candidate;
      const { verity, document, offset, superblock } = fileSystem;
      if (verity === undefined || document === undefined) throw new PosternError('SIGNATURE_MISSING');
      const inPlace = devices.takes(candidate);
      const judged = await judge(trust, document, inPlace ? signers : withoutKernel(signers));
      if (inPlace) {
        if (superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN');
        const signature = signers === 'certificates' ? null : document.signature;
        const foundation = { verity, rootHash: document.rootHash, type: superblock.type, signature, certificate: judged };
        const admission = deviceAdmission(candidate, foundation);
        if (judged === null) await leftToKernel(admission, candidate);
        return admission;
      }
      const wanted = { image: source, sidecar, verity, dataOffset: offset, rootHash: document.rootHash, uid };
      return storedAdmission(await keeper.obtain(wanted, waiter), judged);
    },
  };
}

/** Where somebody could let the image in all the same, the kernel's refusal must be known now. */
async function leftToKernel(admission: Admission, { judgeByKernel }: Candidate): Promise<void> {
  try {
    await judgeByKernel?.(admission);
  } catch (refusal) {
    closeAdmissions([admission]);
    throw refusal;
  }
}

/** The kernel judges a signature only when it makes the device: where it makes none, that leaves the certificates or nobody. */
function withoutKernel(signers: VerityConfig['signers']): 'certificates' {
  if (signers === 'kernel')
    throw new PosternError('SIGNER_UNKNOWN', "only the kernel's keyrings count here, and it makes no dm-verity device of this file");
  return 'certificates';
}

/**
 * The certificate that made the signature; null where that is left to the kernel.
 * @throws PosternError SIGNATURE_INVALID, SIGNER_UNKNOWN
 */
async function judge(trust: Trust, document: SignatureDocument, signers: VerityConfig['signers']): Promise<Admission['signer']> {
  if (signers === 'kernel') return null;
  try {
    return await trust.judge(signedOf(document));
  } catch (thrown) {
    if (signers === 'either' && thrown instanceof PosternError && thrown.code === 'SIGNER_UNKNOWN') return null;
    throw thrown;
  }
}
