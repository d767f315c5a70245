/** Images that nobody vouches for: polkit may let somebody have them all the same. */
import { Consultation } from '../../mesh/consultation.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Payload } from '../../mesh/protocol.ts';

/** Refusals that mean no more than that: the image is sound as far as it goes, but nobody who counts made, or it is not protected enough. */
const ofTrust: readonly string[] = ['SIGNATURE_MISSING', 'SIGNER_UNKNOWN', 'POLICY_DENIED'];

/** Whether it was refused only since nobody vouches for it. */
export function isOfTrust(thrown: unknown): thrown is PosternError {
  return thrown instanceof PosternError && ofTrust.includes(thrown.code);
}

/** The part of `image.verify` that a question is made of. */
export type UntrustedCall = Pick<Payload<'image.verify'>, 'request' | 'deadline' | 'peer' | 'options' | 'holder' | 'consult'>;

/**
 * Whether the caller may have an image that is refused for want of trust.
 * @param process the caller's, as a pidfd; borrowed
 * @throws PosternError where nobody could be asked
 */
export type AskUntrusted = (call: UntrustedCall, process: Descriptor | undefined) => Promise<boolean>;

export class Authority {
  readonly #consultation: Consultation;

  constructor(mesh: Mesh<'verity'>) {
    this.#consultation = new Consultation({
      send: (question, descriptors) => mesh.send('polkit', 'authority.ask', question, descriptors),
      onPeerDown: (listener) => mesh.onPeerDown(listener),
    });
  }

  /**
   * Whether the caller may have an image mounted that no route admits. Asks nobody where polkit was not asked before, nor where this is
   * what it has allowed. What is mounted then must be a copy that the caller can't change.
   * @param process the caller's, as a pidfd; borrowed
   * @throws PosternError INTERACTION_REQUIRED, AUTHORITY_FAILED, SERVICE_DIED
   */
  async askUntrusted(
    { request, deadline, peer, options, holder, consult }: UntrustedCall,
    process: Descriptor | undefined,
  ): Promise<boolean> {
    if (consult === null || process === undefined) return false;
    if (consult.untrusted) return true;
    const action = `io.systemd.mount-file-system.mount-untrusted-image${holder === null ? '' : '-privately'}` as const;
    const details = { read_only: options.readOnly ? '1' : '0' };
    return this.#consultation.ask({ request, deadline, peer, action, details, interactive: consult.interactive, directory: null }, process);
  }

  told(answer: Payload<'authority.told'>): void {
    this.#consultation.told(answer);
  }
}
