/** A two-way link that carries whole messages with their descriptors. Two kinds: a socket (socket-channel.ts) and its twin in memory. */
import { closeAll, type Descriptor } from './descriptors.ts';

/** A message on its way out. */
export interface Packet {
  readonly frame: Uint8Array;
  readonly descriptors: readonly Descriptor[];
  /** called once, just before the message is given to the other side, where what was sent can't be taken back any more */
  readonly departing?: () => void;
  /** called once where it departed for nobody: the other side is dead or the kernel refused it */
  readonly lost?: () => void;
}

export interface Receiver {
  /** `frame` is the receiver's own; the descriptors belong to it from here on */
  message(frame: Uint8Array, descriptors: Descriptor[]): void;
  /** Something came that was cut off; what could be received of it was closed. */
  cut(): void;
  /**
   * The other side is gone, and all that it had sent was delivered. Comes once, also after `close`.
   * @param unsent packets that never departed, oldest first; they belong to the receiver of this event
   */
  closed(unsent: Packet[]): void;
}

export interface Channel {
  /** Begins to deliver. What arrived before waits. */
  open(receiver: Receiver): void;
  /** Takes the packet over. False, with the packet untouched, where the channel is closed or has too much waiting. */
  send(packet: Packet): boolean;
  /** Delivers at once whatever has arrived. */
  drain(): void;
  /** Ends this side. Packets that wait come back through `closed`. */
  close(): void;
}

/** Ends a packet that departed for nobody. */
export function lose(packet: Packet): void {
  closeAll(packet.descriptors);
  packet.lost?.();
}

/** Ends packets that will never depart. */
export function discard(packets: readonly Packet[]): void {
  for (const packet of packets) closeAll(packet.descriptors);
}
