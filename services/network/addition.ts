/** Carries an interface through its machine: does what each state is there for, and says back what came of it. All within one call. */
import { type Actor, createActor } from 'xstate';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Logger } from '../../mesh/log.ts';
import type { Making, Order } from './kinds.ts';
import { labelOf } from './label.ts';
import { LinkError, type Links } from './links.ts';
import { type InterfaceEvent, interfaceMachine } from './machine.ts';

type Labels = Pick<Links, 'setAlias' | 'addAlternativeName'>;

/**
 * Makes an interface, or finds it made.
 * @returns what its owner is handed
 * @throws PosternError INTERFACE_FAILED, after what was done is undone
 */
export function addInterface(order: Order, making: Making, links: Labels, log: Logger): readonly Descriptor[] {
  return new Addition(order, making, links, log).run();
}

class Addition {
  readonly #order: Order;
  readonly #making: Making;
  readonly #links: Labels;
  readonly #log: Logger;
  readonly #actor: Actor<typeof interfaceMachine>;
  #error: unknown = new PosternError('INTERNAL');

  constructor(order: Order, making: Making, links: Labels, log: Logger) {
    this.#order = order;
    this.#making = making;
    this.#links = links;
    this.#log = log;
    this.#actor = createActor(interfaceMachine, {
      input: (state, event) =>
        log.error({ request: order.request, state, event: event.type }, 'an event that the interface has no use for'),
    }).start();
  }

  run(): readonly Descriptor[] {
    for (;;) {
      const event = this.#act();
      if (event === null) break;
      this.#actor.send(event);
    }
    if (this.#actor.getSnapshot().value === 'given') return this.#making.descriptors;
    throw this.#error instanceof LinkError ? new PosternError('INTERFACE_FAILED', this.#error.message) : this.#error;
  }

  /** What a state does on its being reached, and what comes of it; null at the end. */
  #act(): InterfaceEvent | null {
    switch (this.#actor.getSnapshot().value) {
      case 'making':
        return this.#make();
      case 'recognising':
        return this.#recognise();
      case 'labelling':
        return this.#label();
      case 'undone':
        this.#undo();
        return null;
      default:
        return null;
    }
  }

  #make(): InterfaceEvent {
    try {
      this.#making.make();
      return { type: 'MADE' };
    } catch (thrown) {
      const { type } = this.#refuse(thrown);
      return thrown instanceof LinkError && thrown.code === 'EEXIST' ? { type: 'TAKEN' } : { type };
    }
  }

  /** Where it is not the one that is asked for, what stood against making it is the reason. */
  #recognise(): InterfaceEvent {
    const found = this.#making.recognise();
    return { type: found === 'ours' ? 'THERE' : found === 'bare' ? 'BARE' : 'REFUSED' };
  }

  #label(): InterfaceEvent {
    const { name, namespace, alternative } = this.#order;
    try {
      this.#links.setAlias(name, labelOf(namespace));
    } catch (thrown) {
      return this.#refuse(thrown);
    }
    try {
      this.#links.addAlternativeName(name, alternative);
    } catch (thrown) {
      // Two of one owner's may come to the same; and who has the name has an interface all the same.
      this.#log.warn({ name, alternative, err: thrown }, 'an interface goes without its longer name');
    }
    return { type: 'LABELLED' };
  }

  #undo(): void {
    try {
      this.#making.undo();
    } catch (thrown) {
      this.#log.error({ name: this.#order.name, err: thrown }, 'an interface could not be taken away yet: its namespace’s end does it');
    }
  }

  #refuse(thrown: unknown): { readonly type: 'REFUSED' } {
    this.#error = thrown;
    return { type: 'REFUSED' };
  }
}
