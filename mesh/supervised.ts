/** One service through all its lives: its machine, and the process that is its present life. */
import { type Actor, createActor } from 'xstate';
import { publicState, residentBytes } from './census.ts';
import { Child } from './child.ts';
import { type Clock, machineClock } from './clock.ts';
import { emptyRoot, type LaunchOptions, launchCommand, prepareView } from './launch.ts';
import type { Logger } from './log.ts';
import { lifeMachine } from './machine.ts';
import type { Privileges } from './privileges.ts';
import type { Census, ServiceName } from './protocol.ts';

export interface ServiceOptions {
  readonly privileges: Privileges;
  /** what `mesh.configure` carries; plain data */
  readonly config: Readonly<Record<string, unknown>>;
}

export interface SupervisedOptions extends ServiceOptions, LaunchOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** a number that no life of any service had before */
  nextGeneration(): number;
  /** its present life is of use from now on: it wants to be wired */
  welcome(service: Supervised): void;
  changed(): void;
}

export class Supervised {
  readonly name: ServiceName;
  readonly #options: SupervisedOptions;
  readonly #actor: Actor<ReturnType<typeof lifeMachine>>;
  #child: Child | undefined;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.name = options.privileges.service;
    const actions = {
      launch: () => this.#launch(),
      emptyRoot: () => this.#emptyRoot(),
      askToStop: () => this.#child?.tell('mesh.stop', {}),
      kill: () => this.#child?.kill(),
    };
    const machine = lifeMachine(actions, options.privileges.emptyRoot === true, () => options.clock.now());
    this.#actor = createActor(machine, { clock: machineClock(options.clock) });
    let before: string | undefined;
    this.#actor.subscribe(({ value }) => {
      // What changes nothing is an event to XState all the same.
      if (value === before) return;
      before = value;
      if (value === 'ready') options.welcome(this);
      if (value === 'failed') options.log.fatal({ child: this.name }, 'a service kept ending before it was of use');
      options.changed();
    });
  }

  /** Throws where its folders can't be made. */
  start(): void {
    prepareView(this.#options.privileges, this.#options.folders);
    this.#actor.start();
  }

  stop(): void {
    if (this.end === undefined) this.#actor.send({ type: 'STOP' });
  }

  /** The present life, where it is of use. */
  get life(): Child | undefined {
    return this.#actor.getSnapshot().matches('ready') ? this.#child : undefined;
  }

  /** `failed` and `stopped` are ends. */
  get end(): 'failed' | 'stopped' | undefined {
    const { value } = this.#actor.getSnapshot();
    return value === 'failed' || value === 'stopped' ? value : undefined;
  }

  get line(): Census[number] {
    const { value, context } = this.#actor.getSnapshot();
    const pid = this.#child?.pid ?? null;
    return {
      name: this.name,
      state: publicState(value),
      pid,
      restarts: context.restarts,
      residentBytes: pid === null ? null : residentBytes(pid),
    };
  }

  #launch(): void {
    const { privileges, config, log, clock, nextGeneration } = this.#options;
    const generation = nextGeneration();
    const child = new Child(this.name, generation, launchCommand(privileges, this.#options), log, clock, {
      ready: () => this.#actor.send({ type: 'READY' }),
      condemned: () => this.#actor.send({ type: 'CONDEMNED' }),
      exited: (killed) => {
        this.#child = undefined;
        this.#actor.send({ type: 'EXITED', killed });
      },
    });
    this.#child = child;
    log.debug({ child: this.name, pid: child.pid, generation }, 'a service begins');
    const plain: Record<string, unknown> = JSON.parse(JSON.stringify(config));
    child.tell('mesh.configure', { generation, config: plain });
  }

  #emptyRoot(): void {
    const child = this.#child;
    const { log } = this.#options;
    if (child?.pid === undefined) return;
    emptyRoot(child.pid, this.#options).then(
      () => this.#actor.send({ type: 'EMPTIED' }),
      (error: unknown) => {
        log.error({ child: this.name, err: error }, 'its root could not be emptied');
        if (this.#child === child) this.#actor.send({ type: 'CONDEMNED' });
      },
    );
  }
}
