/** The twin of a socket channel inside one process: same promises, same order, no kernel. Delivery is never within the sender's own call. */
import { type Channel, lose, type Packet, type Receiver } from './channel.ts';
import { closeAll, Descriptor } from './descriptors.ts';

/** Two ends; what goes into one comes out of the other. */
export function memoryChannels(): [Channel, Channel] {
  const a = new MemoryChannel();
  const b = new MemoryChannel();
  a.other = b;
  b.other = a;
  return [a, b];
}

class MemoryChannel implements Channel {
  other: MemoryChannel | undefined;
  readonly #arrived: { readonly frame: Uint8Array; readonly descriptors: Descriptor[] }[] = [];
  #receiver: Receiver | undefined;
  #scheduled = false;
  #closed = false;
  #otherClosed = false;

  open(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#schedule();
  }

  send(packet: Packet): boolean {
    if (this.#closed) return false;
    packet.departing?.();
    if (this.other !== undefined && !this.#otherClosed) this.other.#arrive(packet);
    else lose(packet);
    return true;
  }

  drain(): void {
    while (this.#receiver !== undefined && !this.#closed) {
      const message = this.#arrived.shift();
      if (message === undefined) break;
      this.#receiver.message(message.frame, message.descriptors);
    }
    if (this.#otherClosed && this.#receiver !== undefined) this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const { descriptors } of this.#arrived.splice(0)) closeAll(descriptors);
    if (this.other !== undefined) this.other.#end();
    this.#receiver?.closed([]);
  }

  /** As through a socket, the receiver gets descriptors of its own, and the sender's have ended. */
  #arrive({ frame, descriptors }: Packet): void {
    this.#arrived.push({ frame: frame.slice(), descriptors: descriptors.map((descriptor) => new Descriptor(descriptor.release())) });
    this.#schedule();
  }

  #end(): void {
    this.#otherClosed = true;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#receiver === undefined) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.drain();
    });
  }
}
