/**
 * A stream socket that carries descriptors: Varlink's transport, at either end. A read never takes more than up to the next end mark,
 * so descriptors come with the very message that they were sent with: the kernel glues earlier bytes in front of a part that has
 * descriptors and does not tell where that part began.
 */
import { isSystemError, native, type Poller } from '../native/index.ts';
import { type Clock, systemClock, type Timer } from './clock.ts';
import { closeAll, Descriptor } from './descriptors.ts';

/** SCM_MAX_FD of the kernel. */
const maxDescriptors = 253;
/** What is looked at for the end of a message that has only just begun: nearly every message is shorter. */
const glance = 4096;
/** One for all streams of the process: what was read is used, or copied, before the next read. */
const inbox = Buffer.allocUnsafeSlow(65536);
/** How soon to try again when too many descriptors of ours are in flight, for which there is no event. */
const retryMilliseconds = 50;

export interface Chunk {
  /** Good until the next read of any stream. */
  readonly bytes: Buffer;
  /** the reader's own now */
  readonly descriptors: Descriptor[];
  /** descriptors came that this process had no room for; the kernel dropped them */
  readonly lost: boolean;
}

export interface StreamEvents {
  /** there is something to read, an end too */
  readable(): void;
  /** all that was written is with the kernel */
  drained(): void;
  /** The other side is gone for good, or out of reach. Comes once; what it had sent can still be read. */
  hungUp(): void;
}

interface Outgoing {
  readonly bytes: Buffer;
  readonly descriptors: readonly Descriptor[];
  taken: number;
}

export class Stream {
  readonly #socket: Descriptor;
  readonly #events: StreamEvents;
  readonly #clock: Clock;
  readonly #poller: Poller;
  readonly #outgoing: Outgoing[] = [];
  #reading = true;
  #retry: Timer | undefined;
  /** the kernel lets nothing through to the other side any more */
  #barred = false;
  #hungUp = false;
  #closed = false;

  /** Takes the socket over. Events come from the loop, never within a call of the owner. */
  constructor(socket: Descriptor, events: StreamEvents, clock: Clock = systemClock) {
    this.#socket = socket;
    this.#events = events;
    this.#clock = clock;
    this.#poller = native.poll(socket.fd, (readable, writable, hungUp) => this.#ready(readable, writable, hungUp));
    this.#watch();
  }

  /** Whether `readable` comes. Without it the kernel's buffer fills up and the other side has to wait. */
  set reading(reading: boolean) {
    if (this.#reading === reading) return;
    this.#reading = reading;
    this.#watch();
  }

  /** Whether something written is not with the kernel yet. */
  get writing(): boolean {
    return this.#outgoing.length > 0;
  }

  /** Kernel memory of what the other side has not read yet. */
  get unread(): number {
    return this.#hungUp ? 0 : native.unreadByPeer(this.#socket.fd);
  }

  /**
   * What has come: a message's end at most, or a part of one.
   * @param mark the byte that ends a message
   * @param within whether a message is unfinished, so that more is worth looking at
   */
  read(mark: number, within: boolean): Chunk | 'nothing' | 'end' {
    try {
      const window = within ? inbox : inbox.subarray(0, glance);
      const waiting = native.peek(this.#socket.fd, window);
      if (waiting === null) return 'nothing';
      if (waiting === 0) return 'end';
      const end = window.subarray(0, waiting).indexOf(mark);
      const wanted = inbox.subarray(0, end < 0 ? waiting : end + 1);
      const got = native.receive(this.#socket.fd, wanted, maxDescriptors);
      if (got === null) return 'nothing';
      const descriptors = got.descriptors.map((fd) => new Descriptor(fd));
      return { bytes: inbox.subarray(0, got.bytes), descriptors, lost: got.controlTruncated };
    } catch (error) {
      if (isBroken(error)) return 'end';
      throw error;
    }
  }

  /** Takes the descriptors over; they go with the first byte. What can't be sent at once is sent when it can. */
  write(bytes: Buffer, descriptors: readonly Descriptor[] = []): void {
    if (this.#closed || this.#hungUp || this.#barred) {
      closeAll(descriptors);
      return;
    }
    this.#outgoing.push({ bytes, descriptors, taken: 0 });
    if (this.#outgoing.length === 1) this.#flush();
    this.#watch();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#poller.close();
    this.#discard();
    this.#socket.close();
  }

  #ready(readable: boolean, writable: boolean, hungUp: boolean): void {
    if (writable && this.writing) {
      this.#flush();
      if (!this.writing) this.#events.drained();
    }
    if (readable && !this.#closed && this.#reading) this.#events.readable();
    if (hungUp && !this.#closed) this.#end();
    this.#watch();
  }

  #watch(): void {
    if (this.#closed) return;
    const writable = this.writing && this.#retry === undefined && !this.#hungUp;
    this.#poller.watch(this.#reading && !this.#hungUp, writable, !this.#hungUp);
  }

  #flush(): void {
    for (let head = this.#outgoing[0]; head !== undefined && this.#send(head); head = this.#outgoing[0]) {
      if (head.taken === head.bytes.length) this.#outgoing.shift();
    }
  }

  /** False where nothing more goes out at present. */
  #send(message: Outgoing): boolean {
    const first = message.taken === 0;
    try {
      const numbers = first ? message.descriptors.map((descriptor) => descriptor.fd) : [];
      const taken = native.send(this.#socket.fd, first ? message.bytes : message.bytes.subarray(message.taken), numbers);
      if (taken === null) return false;
      message.taken += taken;
      if (first) closeAll(message.descriptors);
      return true;
    } catch (error) {
      if (isSystemError(error) && error.code === 'ETOOMANYREFS') this.#tryLater();
      else if (isBroken(error)) this.#discard();
      else if (isBarred(error)) this.#bar();
      else throw error;
      return false;
    }
  }

  #tryLater(): void {
    this.#retry = this.#clock.after(retryMilliseconds, () => {
      this.#retry = undefined;
      this.#ready(false, true, false);
    });
  }

  /** Nobody will read it. That the other side is gone comes as an event of its own. */
  #discard(): void {
    for (const { descriptors } of this.#outgoing.splice(0)) closeAll(descriptors);
  }

  /** What was to be sent is lost, and what follows must not take its place. No event tells of it, so this is told as an end. */
  #bar(): void {
    this.#barred = true;
    this.#discard();
    setImmediate(() => this.#ready(false, false, true));
  }

  #end(): void {
    if (this.#hungUp) return;
    this.#hungUp = true;
    this.#discard();
    this.#events.hungUp();
  }
}

function isBroken(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EPIPE' || error.code === 'ECONNRESET');
}

/** The other side takes no descriptors (SO_PASSRIGHTS, since Linux 6.16), or a security module is against it. */
function isBarred(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES');
}
