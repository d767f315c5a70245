/**
 * The parent: starts every service with no more than its privileges, wires siblings to each other, and starts again what died. It is on no
 * request's path, and hears nobody but its children.
 */
import { native } from '../native/index.ts';
import type { Clock, Timer } from './clock.ts';
import { Descriptor } from './descriptors.ts';
import type { Logger } from './log.ts';
import { type Census, edges, type ServiceName } from './protocol.ts';
import { socketBufferBytes } from './socket-channel.ts';
import { type ServiceOptions, Supervised } from './supervised.ts';

/** How often the gateway is told how large its siblings are, besides at every change. */
const censusEvery = 10_000;

export interface SupervisorOptions {
  readonly services: readonly ServiceOptions[];
  /** The socket that the gateway accepts on. Stays the caller's; each life of the gateway gets a copy, so clients wait meanwhile. */
  readonly listener: Descriptor;
  readonly log: Logger;
  readonly clock: Clock;
  /** the folder with the launcher, the bundles and the addon */
  readonly dist: string;
  /** what `$NAME` in a service's view stands for, such as STATE */
  readonly folders?: Readonly<Record<string, string>>;
}

/** Why all services have ended. */
export type Outcome = 'stopped' | 'gaveUp';

export class Supervisor {
  /** Resolves when every service has ended: because we were asked to, or because one of them kept dying. */
  readonly done: Promise<Outcome>;
  readonly #options: SupervisorOptions;
  readonly #services: readonly Supervised[];
  readonly #ready: Promise<'ready'>;
  #allReady: () => void = () => {};
  #settle: (outcome: Outcome) => void = () => {};
  #generation = 0;
  #refresh: Timer | undefined;
  #stopping = false;

  constructor(options: SupervisorOptions) {
    const { services, log, clock, dist, folders = {} } = options;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#ready = new Promise((resolve) => {
      this.#allReady = () => resolve('ready');
    });
    const nextGeneration = () => ++this.#generation;
    const welcome = (service: Supervised) => this.#welcome(service);
    const changed = () => this.#changed();
    this.#services = services.map((service) => new Supervised({ ...service, log, clock, dist, folders, nextGeneration, welcome, changed }));
  }

  /** Starts all. Resolves when every service is ready at the same time; rejects when they ended before that. */
  async start(): Promise<void> {
    for (const service of this.#services) service.start();
    this.#refreshCensus();
    if ((await Promise.race([this.#ready, this.done])) !== 'ready') throw new Error('the services did not start');
  }

  /** Ends all, the gateway first, so that no new request comes in. Resolves when all have ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const gateway = this.#find('gateway');
    if (gateway === undefined) this.#stopAll();
    else gateway.stop();
    this.#changed();
    await this.done;
  }

  /** Who runs, and in which state. */
  census(): Census {
    return this.#services.map(({ line }) => line);
  }

  /** Wires a life that has just become of use to the siblings that are. */
  #welcome(service: Supervised): void {
    for (const [a, b] of edges) {
      const other = a === service.name ? b : b === service.name ? a : undefined;
      const sibling = other === undefined ? undefined : this.#find(other);
      if (sibling !== undefined) this.#wire(service, sibling);
    }
    if (service.name === 'gateway') service.life?.tell('mesh.listen', {}, [this.#options.listener.duplicate()]);
  }

  #wire(a: Supervised, b: Supervised): void {
    const [one, other] = [a.life, b.life];
    if (one === undefined || other === undefined) return;
    const [endOfOne, endOfOther] = native.socketPair(socketBufferBytes);
    one.tell('mesh.wire', { peer: b.name, generation: other.generation }, [new Descriptor(endOfOne)]);
    other.tell('mesh.wire', { peer: a.name, generation: one.generation }, [new Descriptor(endOfOther)]);
  }

  #find(name: ServiceName): Supervised | undefined {
    return this.#services.find((service) => service.name === name);
  }

  #changed(): void {
    this.#tellGateway();
    if (this.#services.every(({ life }) => life !== undefined)) this.#allReady();
    const failed = this.#services.some(({ end }) => end === 'failed');
    if (failed || (this.#stopping && this.#find('gateway')?.end !== undefined)) this.#stopAll();
    if (this.#services.every(({ end }) => end !== undefined)) {
      this.#refresh?.cancel();
      this.#settle(failed ? 'gaveUp' : 'stopped');
    }
  }

  #tellGateway(): void {
    this.#find('gateway')?.life?.tell('mesh.census', { services: this.census() });
  }

  #refreshCensus(): void {
    this.#refresh = this.#options.clock.after(censusEvery, () => {
      this.#tellGateway();
      this.#refreshCensus();
    });
  }

  #stopAll(): void {
    for (const service of this.#services) service.stop();
  }
}
