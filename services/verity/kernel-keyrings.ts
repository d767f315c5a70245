/**
 * What the kernel's keyrings say of a signer ahead of the mount. The kernel tells it only of a device that it is to make, so the mounter is
 * asked; the mount itself has the kernel judge again.
 */
import { createHash } from 'node:crypto';
import { PosternError } from '../../mesh/errors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { Questions } from '../../mesh/questions.ts';
import { LeastRecentlyUsed } from './lru.ts';
import type { Admission } from './routes/route.ts';

/** Signatures that the kernel believed. One that it did not may be believed the next time. */
const remembered = 1024;

/** @throws PosternError what the mount would be refused with: SIGNER_UNKNOWN above all */
export type JudgeByKernel = (admission: Pick<Admission, 'descriptors' | 'source'>) => Promise<void>;

export class KernelKeyrings {
  readonly #mesh: Pick<Mesh<'verity'>, 'send'>;
  readonly #questions: Questions<Payload<'signer.told'>>;
  readonly #believed = new LeastRecentlyUsed<string, true>(remembered);

  constructor(mesh: Mesh<'verity'>) {
    this.#mesh = mesh;
    this.#questions = new Questions('mounter', (listener) => mesh.onPeerDown(listener));
  }

  /**
   * Ends with the deadline at the latest; borrows what the admission has.
   * @throws PosternError as above; SERVICE_DIED, TIMED_OUT
   */
  async judge({ descriptors, source }: Parameters<JudgeByKernel>[0], deadline: number): Promise<void> {
    const device = source(0);
    if (device.kind !== 'verity-device' || device.signature === null) throw new PosternError('INTERNAL');
    const key = createHash('sha256').update(device.rootHash).update(device.signature).digest('base64');
    if (this.#believed.get(key) === true) return;
    const { refusal, detail } = await this.#questions.ask((ask) => {
      const own = descriptors.map((descriptor) => descriptor.duplicate());
      this.#mesh.send('mounter', 'signer.ask', { ask, deadline, device }, own);
    });
    if (refusal !== null) throw new PosternError(refusal, detail);
    this.#believed.set(key, true);
  }

  told(answer: Payload<'signer.told'>): void {
    this.#questions.answered(answer.ask, answer);
  }
}
