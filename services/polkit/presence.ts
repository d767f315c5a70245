/**
 * Whether polkit can answer: somebody has its name, or the bus would start somebody who takes it, and it knows what it is asked about. The bus
 * tells when its owner changes, and polkit when its actions do.
 */
import type { Action } from '../../mesh/authority.ts';
import type { Clock } from '../../mesh/clock.ts';
import { type Bus, busItself, busName } from './bus.ts';
import { authority, polkitName } from './check.ts';
import type { Incoming } from './dbus/message.ts';
import { Breach } from './dbus/reader.ts';
import { UnknownActions } from './unknown-actions.ts';

/** polkit says so when its policy files or rules have changed. */
const changed = 'Changed';
const rules = [
  `type='signal',sender='${busName}',interface='${busName}',member='NameOwnerChanged',arg0='${polkitName}'`,
  `type='signal',sender='${polkitName}',interface='${authority.interface}',member='${changed}'`,
];

export class Presence {
  readonly #unknown: UnknownActions;
  #isOwned = false;
  #isStartable = false;

  constructor(clock: Clock) {
    this.#unknown = new UnknownActions(clock);
  }

  get canAnswer(): boolean {
    return this.#isOwned || this.#isStartable;
  }

  canAnswerAbout(action: Action): boolean {
    return this.canAnswer && !this.#unknown.has(action);
  }

  /** polkit has said that it does not know the action. */
  rememberUnknown(action: Action): void {
    this.#unknown.add(action);
  }

  /** Asks the bus. Changes are heard from then on; that polkit was installed, or removed, only by looking again. */
  async look(bus: Bus): Promise<void> {
    const match = (rule: string) => bus.call({ ...busItself, member: 'AddMatch', signature: 's', body: (writer) => writer.string(rule) });
    await Promise.all(rules.map(match));
    await this.lookAgain(bus);
  }

  async lookAgain(bus: Bus): Promise<void> {
    const owned = bus.call({ ...busItself, member: 'NameHasOwner', signature: 's', body: (writer) => writer.string(polkitName) });
    const startable = bus.call({ ...busItself, member: 'ListActivatableNames', signature: '', body() {} });
    const [hasOwner, names] = await Promise.all([owned, startable]);
    this.#isOwned = typed(hasOwner, 'b').body.boolean();
    this.#isStartable = typed(names, 'as').body.strings().includes(polkitName);
  }

  /** Of an owner only the bus itself is believed: anybody may send us a signal of that name. Of other actions anybody may be: we ask. */
  hear(signal: Incoming): void {
    const { sender, interface: its, member, signature, body } = signal;
    if (its === authority.interface && member === changed) this.#unknown.forget();
    if (sender !== busName || its !== busName || member !== 'NameOwnerChanged' || signature !== 'sss') return;
    const name = body.string();
    body.string();
    if (name !== polkitName) return;
    this.#isOwned = body.string() !== '';
    this.#unknown.forget();
  }
}

/** @throws Breach where the body is not what the method returns */
export function typed(message: Incoming, signature: string): Incoming {
  if (message.signature !== signature) throw new Breach(`a reply of type ${message.signature.slice(0, 32)}`);
  return message;
}
