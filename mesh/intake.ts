/** The way in: checks a message, runs its handler, and sees to it that whatever goes wrong there ends where it should. */
import { closeAll, type Descriptor } from './descriptors.ts';
import { BadMessage, check, type HandlerTable } from './dispatch.ts';
import { asPosternError, type PosternError } from './errors.ts';
import type { ExitReason } from './exit-codes.ts';
import type { Logger } from './log.ts';
import type { Node } from './protocol.ts';

export interface IntakeOptions {
  readonly self: Node;
  readonly log: Logger;
  /** ends a request whose handler failed; without it, such a failure ends the process */
  readonly fail?: (request: number, error: PosternError) => void;
  /** ends this process: it was sent what no sound sibling sends, or it has a bug */
  readonly die: (reason: ExitReason) => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  table: HandlerTable;

  constructor(options: IntakeOptions, table: HandlerTable = {}) {
    this.#options = options;
    this.table = table;
  }

  /** Takes over the descriptors. Resolves when the handler is done; never rejects. */
  async receive(from: Node, frame: Uint8Array, descriptors: Descriptor[]): Promise<void> {
    const { self, log, die } = this.#options;
    let request: number | undefined;
    try {
      const accepted = check(self, from, frame, descriptors);
      request = accepted.request;
      log.trace({ request, from, message: accepted.name }, 'received');
      await accepted.act(this.table);
    } catch (error) {
      closeAll(descriptors);
      if (error instanceof BadMessage) {
        log.fatal(
          { from, message: error.about, fault: error.fault },
          'a bad message from a sibling: it is compromised, or one of us has a bug',
        );
        die('badMessage');
      } else this.#failed(from, request, error);
    }
  }

  /** A message that was cut off on its way: nothing sound sends one so large. */
  cut(from: Node): void {
    const { log, die } = this.#options;
    log.fatal({ from }, 'a message from a sibling was cut off');
    die('badMessage');
  }

  #failed(from: Node, request: number | undefined, error: unknown): void {
    const { log, fail, die } = this.#options;
    const named = asPosternError(error);
    if (named !== error || named.code === 'INTERNAL') log.error({ request, from, err: error }, 'a handler failed that should not');
    if (request !== undefined && fail !== undefined) fail(request, named);
    else die('bug');
  }
}
