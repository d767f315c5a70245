/** One life of a service as its parent holds it: the process, and the channel on which it is told what to do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { native } from '../native/index.ts';
import type { Clock, Timer } from './clock.ts';
import { closeAll, Descriptor } from './descriptors.ts';
import { checkShape } from './dispatch.ts';
import { type ExitReason, exitReason } from './exit-codes.ts';
import { encodeFrame } from './frame.ts';
import { Intake } from './intake.ts';
import type { Logger } from './log.ts';
import type { Payload, SentBy, ServiceName } from './protocol.ts';
import { SocketChannel, socketBufferBytes } from './socket-channel.ts';

/** How long a process may go on after it gave up its channel to us; the kernel takes less for a dying one. */
const lingerLimit = 1_000;

/** A program with its arguments; never a shell's line. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface ChildEvents {
  ready(): void;
  /** it said something wrong, or stopped listening */
  condemned(): void;
  /** Comes exactly once, also where the program could not be started. `killed`: by SIGKILL, and not by us. */
  exited(killed: boolean): void;
}

export class Child {
  readonly generation: number;
  readonly #service: ServiceName;
  readonly #process: ChildProcess;
  readonly #control: SocketChannel;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #events: ChildEvents;
  #over = false;
  #condemned = false;
  #hungUp: Timer | undefined;

  constructor(service: ServiceName, generation: number, command: Command, log: Logger, clock: Clock, events: ChildEvents) {
    this.#service = service;
    this.generation = generation;
    this.#log = log;
    this.#clock = clock;
    this.#events = events;
    const [ours, theirs] = native.socketPair(socketBufferBytes);
    this.#control = new SocketChannel(new Descriptor(ours));
    try {
      this.#process = spawn(command.file, command.args, {
        env: { ...command.environment },
        stdio: ['ignore', 'inherit', 'inherit', theirs],
      });
    } finally {
      native.close(theirs);
    }
    this.#process.once('error', (error) => this.#exited({ err: error }, false));
    this.#process.once('exit', (status, signal) => {
      const reason = status === null ? undefined : exitReason(status);
      this.#exited({ status, signal, reason }, signal === 'SIGKILL' && !this.#condemned);
    });
    this.#listen();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Tells it something, taking over the descriptors. One that does not listen any more is condemned. */
  tell<N extends SentBy<'parent'>>(name: N, payload: Payload<N>, descriptors: readonly Descriptor[] = []): void {
    const isThere = !this.#over && this.#hungUp === undefined;
    if (isThere && this.#control.send({ frame: encodeFrame(name, checkShape(name, payload)), descriptors })) return;
    closeAll(descriptors);
    if (isThere) this.#events.condemned();
  }

  /** By its own process id, which can't have passed to another process before we have heard of its end. */
  kill(): void {
    if (this.#over) return;
    this.#condemned = true;
    this.#process.kill('SIGKILL');
  }

  #listen(): void {
    const intake = new Intake(
      { self: 'parent', log: this.#log, die: () => this.#events.condemned() },
      { 'mesh.ready': () => (this.#over ? undefined : this.#events.ready()) },
    );
    this.#control.open({
      message: (frame, descriptors) => void intake.receive(this.#service, frame, descriptors),
      cut: () => intake.cut(this.#service),
      closed: () => {
        // Its end is on the way, and says more than this does.
        if (!this.#over) this.#hungUp = this.#clock.after(lingerLimit, () => this.#events.condemned());
      },
    });
  }

  #exited(how: { reason?: ExitReason | undefined; status?: number | null; signal?: string | null; err?: Error }, killed: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#hungUp?.cancel();
    this.#control.close();
    this.#log[how.reason === 'ok' ? 'info' : 'warn'](
      { child: this.#service, pid: this.pid, generation: this.generation, ...how },
      'a service ended',
    );
    this.#events.exited(killed);
  }
}
