/** Decides whether a trusted certificate made the signature of a root hash, and says why not in words. */
import { PosternError } from '../mesh/errors.ts';
import type { Certificate } from './certificates.ts';
import { describeSigner, sameSigner, signersOf } from './signer.ts';

/** Bytes that somebody signed. */
export interface Signed {
  readonly content: Uint8Array;
  /** detached PKCS#7 in DER */
  readonly signature: Uint8Array;
  /** SHA-256 of the certificate in lower-case hex, as claimed; proves nothing */
  readonly certificateFingerprint?: string | undefined;
}

/** Index of the certificate (PEM) that made the detached signature over the content, or -1. */
export type VerifySignature = (signature: Uint8Array, content: Uint8Array, certificates: readonly string[]) => number;

/**
 * The certificate that made the signature.
 *
 * SIGNATURE_INVALID or SIGNER_UNKNOWN is told by the certificate that the signature itself names (issuer and number): when a trusted
 * one is named, the signature is broken or of another root hash; else the signer is unknown, and whether the signature is sound
 * can't be told without the certificate.
 * @throws PosternError SIGNATURE_INVALID, SIGNER_UNKNOWN
 */
export function judgeSignature(signed: Signed, certificates: readonly Certificate[], verify: VerifySignature): Certificate {
  const signers = signersOf(signed.signature);
  if (signers === undefined) throw new PosternError('SIGNATURE_INVALID', 'it is not a PKCS#7 signature');
  const pems = certificates.map(({ pem }) => pem);
  const made = pems.length === 0 ? undefined : certificates[verify(signed.signature, signed.content, pems)];
  if (made !== undefined) return made;
  const named = certificates.find(({ name }) => signers.some((signer) => sameSigner(signer, name)));
  if (named !== undefined) throw new PosternError('SIGNATURE_INVALID', `it names ${describeSigner(named.name)}, but does not fit`);
  const who = signers.map(describeSigner).join(' and ') || 'nobody';
  const fingerprint = signed.certificateFingerprint === undefined ? '' : `, SHA-256 ${signed.certificateFingerprint}`;
  throw new PosternError('SIGNER_UNKNOWN', `signed by ${who}${fingerprint}; ${countOf(certificates.length)}`);
}

function countOf(trusted: number): string {
  if (trusted === 0) return 'no certificate is trusted here';
  return trusted === 1 ? 'the one certificate trusted here is another' : `none of the ${trusted} certificates trusted here`;
}
