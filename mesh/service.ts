/**
 * The one way in which every service starts, lives and ends. In order: nobody of our user may trace us; the parent configures us;
 * our own start work; the lock-down; only then does any message reach a handler, and the parent hears that we are ready.
 */
import * as v from 'valibot';
import { native } from '../native/index.ts';
import { type Clock, systemClock } from './clock.ts';
import { Descriptor } from './descriptors.ts';
import type { HandlerTable } from './dispatch.ts';
import { type ExitReason, exitCodes } from './exit-codes.ts';
import { encodeFrame, frameName } from './frame.ts';
import { Intake } from './intake.ts';
import { lockDown } from './lockdown.ts';
import { createLog, type Logger } from './log.ts';
import type { Handlers, Mesh } from './mesh.ts';
import { Peers } from './peers.ts';
import type { Privileges } from './privileges.ts';
import type { Payload, ServiceName } from './protocol.ts';
import { SocketChannel } from './socket-channel.ts';

/** Where the launcher puts the channel to the parent. */
const controlDescriptor = 3;

/** A service that has done its start work. */
export interface Running<S extends ServiceName> {
  readonly handlers: Handlers<S> & HandlerTable;
  /** what `postern status` shows of it; plain data */
  status(): Record<string, unknown>;
  /** called before an orderly end; what it does not finish is undone by the end itself */
  stop?(): void | Promise<void>;
}

export interface Service<S extends ServiceName, C> {
  readonly name: S;
  readonly config: v.GenericSchema<unknown, C>;
  readonly privileges: Privileges;
  /** Start work. May send already (it waits until the sibling is wired); hears nothing before it is done. */
  start(mesh: Mesh<S>, config: C, clock: Clock): Running<S> | Promise<Running<S>>;
}

/** Runs a service in this process until the parent stops it or goes away. */
export async function runService<S extends ServiceName, C>(service: Service<S, C>): Promise<void> {
  const log = createLog(service.name);
  const die = (reason: ExitReason) => process.exit(exitCodes[reason]);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'something was thrown that nobody expected');
    die('bug');
  });
  // A terminal's Ctrl-C and a service manager's stop reach the whole group: the parent alone decides who ends, and in which order.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  native.hideFromTracers();
  new Life(service, log, die).begin();
}

/** From the first message of the parent to the last. */
class Life<S extends ServiceName, C> {
  readonly #service: Service<S, C>;
  readonly #log: Logger;
  readonly #die: (reason: ExitReason) => void;
  readonly #control: SocketChannel;
  readonly #setup: HandlerTable = {
    'mesh.configure': (payload) => this.#configure(payload),
    'mesh.wire': ({ peer, generation }, [socket]) => {
      if (socket !== undefined) this.#configured().wire(peer, generation, new SocketChannel(socket));
    },
    'mesh.stop': () => this.#end(),
  };
  #peers: Peers<S> | undefined;
  #stop: Running<S>['stop'];

  constructor(service: Service<S, C>, log: Logger, die: (reason: ExitReason) => void) {
    this.#service = service;
    this.#log = log;
    this.#die = die;
    this.#control = new SocketChannel(new Descriptor(controlDescriptor));
  }

  begin(): void {
    const setup = new Intake({ self: this.#service.name, log: this.#log, die: this.#die }, this.#setup);
    this.#control.open({
      message: (frame, descriptors) => {
        const intake = this.#isSetup(frame) ? setup : this.#configured();
        void intake.receive('parent', frame, descriptors);
      },
      cut: () => setup.cut('parent'),
      closed: () => this.#die('orphaned'),
    });
  }

  /** Whether it is for the mesh rather than for the service. What is no message at all is for the mesh to refuse. */
  #isSetup(frame: Uint8Array): boolean {
    try {
      return Object.hasOwn(this.#setup, frameName(frame));
    } catch {
      return true;
    }
  }

  #configured(): Peers<S> {
    if (this.#peers === undefined) throw new Error('the parent configures before all else');
    return this.#peers;
  }

  async #configure({ generation, config }: Payload<'mesh.configure'>): Promise<void> {
    const { name: self, config: shape, privileges, start } = this.#service;
    if (this.#peers !== undefined) throw new Error('configured twice');
    const checked = v.safeParse(shape, config);
    if (!checked.success) {
      this.#log.fatal({ issues: v.flatten(checked.issues) }, 'the configuration can not be used');
      return this.#die('usage');
    }
    this.#peers = new Peers({ self, generation, log: this.#log, die: this.#die });
    try {
      const running = await start(this.#peers, checked.output, systemClock);
      lockDown(privileges);
      this.#stop = running.stop?.bind(running);
      this.#peers.open(running.handlers, () => running.status());
    } catch (error) {
      this.#log.fatal({ err: error }, 'could not start');
      return this.#die('startFailed');
    }
    this.#control.send({ frame: encodeFrame('mesh.ready', {}), descriptors: [] });
  }

  async #end(): Promise<void> {
    await this.#stop?.();
    this.#die('ok');
  }
}
