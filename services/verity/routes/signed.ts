/**
 * The signed image: a certificate that the operator trusts signed the root hash of the hash tree, and every byte has been
 * checked against it, of a copy that nobody else can write. For kernels without dm-verity, and for signers the kernel doesn't know.
 */
import { PosternError } from '../../../mesh/errors.ts';
import type { Keeper } from '../keeper.ts';
import type { Trust } from '../trust.ts';
import type { Route } from './route.ts';

export function signedRoute(trust: Trust, keeper: Keeper): Route {
  return {
    name: 'signed',
    use: ({ verity, document }) => (verity !== undefined && document !== undefined ? 'signed' : undefined),
    async admit({ fileSystem, source, sidecar, uid }, waiter) {
      const { verity, document, offset } = fileSystem;
      if (verity === undefined || document === undefined) throw new PosternError('SIGNATURE_MISSING');
      const certificate = await trust.judge(document);
      const wanted = { image: source, sidecar, verity, dataOffset: offset, rootHash: document.rootHash, uid };
      const { descriptor, fileSystem: type, cached } = await keeper.obtain(wanted, waiter);
      return {
        fileSystem: type,
        descriptors: [descriptor],
        source: (first) => ({ kind: 'file', descriptor: first }),
        keepsSetuid: true,
        signer: { subject: certificate.subject, fingerprint: certificate.fingerprint },
        cached,
      };
    },
  };
}
