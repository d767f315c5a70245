/** Whether polkit can answer at all: somebody has its name, or the bus would start somebody who takes it. The bus tells when that changes. */
import { type Bus, busItself, busName } from './bus.ts';
import { polkitName } from './check.ts';
import type { Incoming } from './dbus/message.ts';
import { Breach } from './dbus/reader.ts';

const rule = `type='signal',sender='${busName}',interface='${busName}',member='NameOwnerChanged',arg0='${polkitName}'`;

export class Presence {
  #isOwned = false;
  #isStartable = false;

  get canAnswer(): boolean {
    return this.#isOwned || this.#isStartable;
  }

  /** Asks the bus. Changes of the owner are heard from then on; that polkit was installed, or removed, only by looking again. */
  async look(bus: Bus): Promise<void> {
    await bus.call({ ...busItself, member: 'AddMatch', signature: 's', body: (writer) => writer.string(rule) });
    await this.lookAgain(bus);
  }

  async lookAgain(bus: Bus): Promise<void> {
    const owned = bus.call({ ...busItself, member: 'NameHasOwner', signature: 's', body: (writer) => writer.string(polkitName) });
    const startable = bus.call({ ...busItself, member: 'ListActivatableNames', signature: '', body() {} });
    const [hasOwner, names] = await Promise.all([owned, startable]);
    this.#isOwned = typed(hasOwner, 'b').body.boolean();
    this.#isStartable = typed(names, 'as').body.strings().includes(polkitName);
  }

  /** Only the bus itself is believed: anybody may send us a signal of that name. */
  hear(signal: Incoming): void {
    const { sender, interface: its, member, signature, body } = signal;
    if (sender !== busName || its !== busName || member !== 'NameOwnerChanged' || signature !== 'sss') return;
    const name = body.string();
    body.string();
    if (name === polkitName) this.#isOwned = body.string() !== '';
  }
}

/** @throws Breach where the body is not what the method returns */
export function typed(message: Incoming, signature: string): Incoming {
  if (message.signature !== signature) throw new Breach(`a reply of type ${message.signature.slice(0, 32)}`);
  return message;
}
