/** A stage's own questions to polkit, in the middle of a request. */
import { type Action, isAllowed } from './authority.ts';
import type { Descriptor } from './descriptors.ts';
import type { Payload, ServiceName } from './protocol.ts';
import { Questions } from './questions.ts';

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

export class Consultation {
  readonly #parts: ConsultationParts;
  readonly #questions: Questions<Payload<'authority.told'>>;

  constructor(parts: ConsultationParts) {
    this.#parts = parts;
    this.#questions = new Questions('polkit', (listener) => parts.onPeerDown(listener));
  }

  /**
   * Whether polkit lets the caller do it. Ends with the question's deadline at the latest.
   * @param process the caller's, as a pidfd; borrowed like the directory
   * @throws PosternError INTERACTION_REQUIRED, AUTHORITY_FAILED, SERVICE_DIED
   */
  async ask(question: Question, process: Descriptor, directory?: Descriptor): Promise<boolean> {
    const { verdict, detail } = await this.#questions.ask((ask) =>
      this.#parts.send({ ...question, ask }, [process.duplicate(), ...(directory === undefined ? [] : [directory.duplicate()])]),
    );
    return isAllowed(question.action, verdict, detail);
  }

  /** polkit's answer. */
  told(answer: Payload<'authority.told'>): void {
    this.#questions.answered(answer.ask, answer);
  }
}
