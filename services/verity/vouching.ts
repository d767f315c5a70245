/** Images that speak for nobody and lie anywhere: somebody who may decide that can let them in all the same. */
import { PosternError } from '../../mesh/errors.ts';
import type { Payload } from '../../mesh/protocol.ts';

/** What a question about an image is made of. */
export type UntrustedCall = Pick<Payload<'image.verify'>, 'request' | 'deadline' | 'peer' | 'options' | 'holder'>;

/** Whether the caller may have an image that is refused for want of trust. Throws where nobody could be asked. */
export type AskUntrusted = (call: UntrustedCall) => Promise<boolean>;

/** Where there is nobody to ask. */
export const askNobody: AskUntrusted = () => Promise.resolve(false);

/** Refusals that mean no more than that nobody who counts stands for the image, or that it is not protected enough. */
const ofTrust: readonly string[] = ['SIGNATURE_MISSING', 'SIGNER_UNKNOWN', 'POLICY_DENIED'];

export function isOfTrust(thrown: unknown): boolean {
  return thrown instanceof PosternError && ofTrust.includes(thrown.code);
}
