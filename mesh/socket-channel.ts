/**
 * A channel over one end of a SOCK_SEQPACKET socketpair: one packet is one sendmsg, so messages arrive whole, in order, with
 * exactly their own descriptors.
 */
import { isSystemError, native, type Poller, type ReceivedMessage } from '../native/index.ts';
import { type Channel, discard, lose, type Packet, type Receiver } from './channel.ts';
import { closeAll, Descriptor } from './descriptors.ts';
import { maxFrameBytes } from './protocol.ts';

/** SCM_MAX_FD of the kernel: no message can carry more. */
const maxDescriptors = 253;
/** Messages read for one wake-up; then the other channels have their turn. */
const batch = 32;
/** Packets that wait for a slow reader, beyond what the kernel's own buffer holds. */
export const maxWaiting = 1024;
/** Room for several of the largest frames in the kernel's buffer, so that waiting here is the exception. */
export const socketBufferBytes = 1 << 20;

/** One for all channels of the process: a frame is copied out of it before anyone sees it. */
const inbox = new Uint8Array(maxFrameBytes);

export class SocketChannel implements Channel {
  readonly #socket: Descriptor;
  readonly #waiting: Packet[] = [];
  #poller: Poller | undefined;
  #receiver: Receiver | undefined;
  /** the head of `#waiting` was tried already and told that it departs */
  #headDeparted = false;
  #peerGone = false;
  #closed = false;

  /** Takes the socket over. */
  constructor(socket: Descriptor) {
    this.#socket = socket;
  }

  open(receiver: Receiver): void {
    this.#receiver = receiver;
    this.#watch();
  }

  send(packet: Packet): boolean {
    if (this.#closed || this.#waiting.length >= maxWaiting) return false;
    this.#waiting.push(packet);
    if (this.#waiting.length === 1) this.#flush();
    return true;
  }

  drain(): void {
    this.#read(Number.POSITIVE_INFINITY);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#poller?.close();
    this.#socket.close();
    const departed = this.#waiting.splice(0, this.#headDeparted ? 1 : 0);
    const unsent = this.#waiting.splice(0);
    departed.forEach(lose);
    if (this.#receiver === undefined) discard(unsent);
    else this.#receiver.closed(unsent);
  }

  #watch(): void {
    if (this.#closed || this.#receiver === undefined) return;
    this.#poller ??= native.poll(this.#socket.fd, (readable, writable) => {
      if (writable && !this.#closed) this.#flush();
      if (readable) this.#read(batch);
      this.#watch();
    });
    this.#poller.watch(true, this.#waiting.length > 0 && !this.#peerGone);
  }

  #flush(): void {
    for (let packet = this.#waiting[0]; packet !== undefined && !this.#peerGone; packet = this.#waiting[0]) {
      if (!this.#headDeparted) packet.departing?.();
      this.#headDeparted = true;
      const fate = this.#trySend(packet);
      if (fate === 'waits') break;
      this.#headDeparted = false;
      this.#waiting.shift();
      if (fate === 'sent') forget(packet);
      else lose(packet);
    }
    this.#watch();
  }

  #trySend({ frame, descriptors }: Packet): 'sent' | 'waits' | 'lost' {
    try {
      const taken = native.send(
        this.#socket.fd,
        frame,
        descriptors.map((descriptor) => descriptor.fd),
      );
      return taken === null ? 'waits' : 'sent';
    } catch (error) {
      // Nobody reads any more. What the peer sent before it died is still to be read, and reading finds the end.
      if (isBroken(error)) this.#peerGone = true;
      // More descriptors of this user are in flight than it may have open: no event tells when that is over.
      else if (!(isSystemError(error) && error.code === 'ETOOMANYREFS')) throw error;
      return 'lost';
    }
  }

  #read(limit: number): void {
    let left = limit;
    while (left-- > 0 && !this.#closed && this.#receiver !== undefined) {
      const message = this.#receive();
      if (message === 'nothing') return;
      if (message === 'reset') left = Number.POSITIVE_INFINITY;
      else this.#deliver(message, this.#receiver);
    }
  }

  #deliver(message: ReceivedMessage, receiver: Receiver): void {
    const descriptors = message.descriptors.map((fd) => new Descriptor(fd));
    if (message.truncated || message.controlTruncated) {
      closeAll(descriptors);
      receiver.cut();
    } else if (message.bytes === 0) {
      // An empty packet can't be told from the end, and nobody sound sends one: both are the end.
      closeAll(descriptors);
      this.close();
    } else {
      const frame = inbox.slice(0, message.bytes);
      inbox.fill(0, 0, message.bytes);
      receiver.message(frame, descriptors);
    }
  }

  #receive(): ReceivedMessage | 'nothing' | 'reset' {
    try {
      return native.receive(this.#socket.fd, inbox, maxDescriptors) ?? 'nothing';
    } catch (error) {
      // The peer died with unread messages of ours. The kernel says so once, *before* what the peer had sent; read on, to the end.
      if (isBroken(error)) {
        this.#peerGone = true;
        return 'reset';
      }
      throw error;
    }
  }
}

/** It is the receiver's now. Some have a secret in them. */
function forget({ frame, descriptors }: Packet): void {
  closeAll(descriptors);
  frame.fill(0);
}

function isBroken(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
