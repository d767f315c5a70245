/** The way to one sibling through all its lives: a channel while it lives, a bounded queue while it does not. */
import { type Channel, discard, type Packet, type Receiver } from './channel.ts';

/** Enough for every request that can be in flight at a stage while it restarts (about 100 ms). */
export const maxPending = 256;

export interface LinkEvents {
  message: Receiver['message'];
  cut: Receiver['cut'];
  up(generation: number): void;
  down(generation: number): void;
}

export class Link {
  readonly #events: LinkEvents;
  readonly #keeps: boolean;
  #channel: Channel | undefined;
  #generation = 0;
  #pending: Packet[] = [];
  #closed = false;

  /** @param keeps whether packets wait for the sibling's next life, or are dropped */
  constructor(keeps: boolean, events: LinkEvents) {
    this.#keeps = keeps;
    this.#events = events;
  }

  /** The life that is wired now, or was last. */
  get generation(): number {
    return this.#generation;
  }

  /** Takes the packet over. False, with the packet untouched, where too much waits already. */
  send(packet: Packet): boolean {
    if (this.#channel !== undefined) return this.#channel.send(packet);
    if (!this.#keeps || this.#closed) {
      discard([packet]);
      return true;
    }
    if (this.#pending.length >= maxPending) return false;
    this.#pending.push(packet);
    return true;
  }

  /** The sibling's next life. The one before is dead, so all that it sent is here: it is handled first. */
  attach(channel: Channel, generation: number): void {
    this.#channel?.drain();
    this.#channel?.close();
    this.#channel = channel;
    this.#generation = generation;
    for (const packet of this.#pending.splice(0)) this.send(packet);
    this.#events.up(generation);
    channel.open({
      message: this.#events.message,
      cut: this.#events.cut,
      closed: (unsent) => {
        this.#channel = undefined;
        if (this.#keeps) this.#pending.push(...unsent);
        else discard(unsent);
        this.#events.down(generation);
      },
    });
  }

  /** Ends the link for good, closing whatever waits. */
  close(): void {
    this.#closed = true;
    this.#channel?.close();
    discard(this.#pending.splice(0));
  }
}
