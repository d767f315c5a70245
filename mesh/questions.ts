/** Questions to a sibling in the middle of a request: the answer finds whoever waits for it, and nobody waits for a dead sibling. */
import { PosternError } from './errors.ts';
import type { ServiceName } from './protocol.ts';

interface Waiting<A> {
  readonly resolve: (answer: A) => void;
  readonly reject: (why: PosternError) => void;
}

export class Questions<A> {
  readonly #waiting = new Map<number, Waiting<A>>();
  #count = 0;

  constructor(asked: ServiceName, onPeerDown: (listener: (peer: ServiceName) => void) => void) {
    onPeerDown((peer) => {
      if (peer !== asked) return;
      for (const { reject } of this.#waiting.values()) reject(new PosternError('SERVICE_DIED', asked));
      this.#waiting.clear();
    });
  }

  /**
   * The answer. It is for who answers to keep to a deadline.
   * @param send puts the question, under its number
   * @throws PosternError SERVICE_DIED; whatever `send` throws
   */
  ask(send: (ask: number) => void): Promise<A> {
    this.#count += 1;
    const ask = this.#count;
    return new Promise((resolve, reject) => {
      this.#waiting.set(ask, { resolve, reject });
      try {
        send(ask);
      } catch (error) {
        this.#waiting.delete(ask);
        throw error;
      }
    });
  }

  /** An answer to nobody's question is passed over. */
  answered(ask: number, answer: A): void {
    this.#waiting.get(ask)?.resolve(answer);
    this.#waiting.delete(ask);
  }
}
