/** A stage's own questions to polkit, in the middle of a request: the answer finds whoever waits for it, and nobody waits for a dead sibling. */
import { type Action, isAllowed } from './authority.ts';
import type { Descriptor } from './descriptors.ts';
import { PosternError } from './errors.ts';
import type { Payload, ServiceName } from './protocol.ts';

/** What polkit is asked about somebody. */
export interface Question
  extends Pick<Payload<'authority.ask'>, 'request' | 'deadline' | 'peer' | 'details' | 'interactive' | 'directory'> {
  readonly action: Action;
}

/** What of a mesh it takes. */
export interface ConsultationParts {
  send(question: Payload<'authority.ask'>, descriptors: readonly Descriptor[]): void;
  onPeerDown(listener: (peer: ServiceName) => void): void;
}

interface Waiting {
  readonly action: Action;
  readonly resolve: (allowed: boolean) => void;
  readonly reject: (why: PosternError) => void;
}

export class Consultation {
  readonly #parts: ConsultationParts;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;

  constructor(parts: ConsultationParts) {
    this.#parts = parts;
    parts.onPeerDown((peer) => {
      if (peer === 'polkit') this.#lost();
    });
  }

  /**
   * Whether polkit lets the caller do it. Ends with the question's deadline at the latest.
   * @param process the caller's, as a pidfd; borrowed like the directory
   * @throws PosternError INTERACTION_REQUIRED, AUTHORITY_FAILED, SERVICE_DIED
   */
  ask(question: Question, process: Descriptor, directory?: Descriptor): Promise<boolean> {
    this.#count += 1;
    const ask = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ask, { action: question.action, resolve, reject });
      try {
        this.#parts.send({ ...question, ask }, [process.duplicate(), ...(directory === undefined ? [] : [directory.duplicate()])]);
      } catch (error) {
        this.#waiting.delete(ask);
        throw error;
      }
    });
  }

  /** polkit's answer. */
  told({ ask, verdict, detail }: Payload<'authority.told'>): void {
    const waiting = this.#waiting.get(ask);
    if (waiting === undefined) return;
    this.#waiting.delete(ask);
    try {
      waiting.resolve(isAllowed(waiting.action, verdict, detail));
    } catch (error) {
      waiting.reject(error instanceof PosternError ? error : new PosternError('INTERNAL'));
    }
  }

  #lost(): void {
    for (const { reject } of this.#waiting.values()) reject(new PosternError('SERVICE_DIED', 'polkit'));
    this.#waiting.clear();
  }
}
