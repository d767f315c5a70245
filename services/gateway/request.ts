/** One request: its machine, its whereabouts, and what it waits for. Everything that happens to it goes through here. */
import { createActor } from 'xstate';
import { type Clock, machineClock } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { asPosternError, PosternError } from '../../mesh/errors.ts';
import type { Baton, Mesh } from '../../mesh/mesh.ts';
import type { Node, Payload, Peer, SentBy, ServiceName } from '../../mesh/protocol.ts';
import { Trail, type Whereabouts } from '../../mesh/trail.ts';
import type { MethodName, ReplyOf } from '../../varlink/method/registry.ts';
import { Bag } from './descriptors.ts';
import { Refusal } from './errors.ts';
import { type Cause, requestMachine } from './machine.ts';

/** What stages tell the gateway about a request besides where it is. */
export type AnswerName =
  | 'range.allocated'
  | 'mount.added'
  | 'control-group.added'
  | 'record.found'
  | 'interface.made'
  | 'image.mounted'
  | 'directory.mounted'
  | 'directory.made'
  | 'image.prepared'
  | 'status.tell'
  | 'request.progress';

/** What a method waits for. Each owns the descriptors that it is given. */
export type Expectations = {
  readonly [N in AnswerName]?: (payload: Payload<N>, descriptors: Descriptor[], from: Node) => void;
};

/** The caller, as its connection knows it. */
export interface Client {
  readonly peer: Peer;
  /** SO_COOKIE of the connection */
  readonly cookie: string;
  /** pidfd of whoever connected; null when it had gone by then */
  readonly process: Descriptor | null;
  /** One of several replies; passed over while the client has not taken the last one. */
  progress(parameters: object): void;
  /** Takes the descriptors over, and calls `written` when the kernel has everything. */
  reply(parameters: object, descriptors: readonly Descriptor[], written: () => void): void;
}

/** How a request ended; with a cause where the client is to be told one. */
export interface Ending {
  readonly outcome: 'done' | 'failed' | 'cancelled' | 'timedOut';
  readonly cause: Cause | null;
}

export interface RequestOptions {
  readonly id: number;
  /** the full name of the method that was called */
  readonly method: string;
  readonly mesh: Mesh<'gateway'>;
  readonly clock: Clock;
  /** milliseconds from now to the deadline */
  readonly budget: number;
  readonly client: Client;
  /** how the call was made: `more` lets it have several replies, `oneway` none */
  readonly wish: 'one' | 'oneway' | 'more';
  readonly descriptors: readonly Descriptor[];
  /** called once, possibly within any of the methods here */
  readonly ended: (ending: Ending) => void;
}

export class Request {
  readonly id: number;
  readonly method: string;
  readonly client: Client;
  readonly wish: RequestOptions['wish'];
  /** absolute, on the clock that all processes share */
  readonly deadline: number;
  readonly bag: Bag;
  readonly #mesh: Mesh<'gateway'>;
  readonly #trail: Trail;
  readonly #actor;
  #expectations: Expectations = {};
  #over = false;

  /** Takes the descriptors over. */
  constructor({ id, method, mesh, clock, budget, client, wish, descriptors, ended }: RequestOptions) {
    this.id = id;
    this.method = method;
    this.client = client;
    this.deadline = clock.now() + budget;
    this.bag = new Bag(descriptors);
    this.#mesh = mesh;
    this.wish = wish;
    this.#trail = new Trail(mesh.generation);
    this.#actor = createActor(requestMachine, { input: { budget }, clock: machineClock(clock) });
    this.#actor.subscribe({
      error: (error) => mesh.log.error({ request: id, err: error }, 'a request machine broke'),
      complete: () => {
        this.#over = true;
        this.bag.close();
        ended(this.#ending());
      },
    });
    this.#actor.start();
  }

  /** Where it is, as far as is known. */
  get at(): Whereabouts {
    return this.#trail.at;
  }

  /** Runs a method's own part; what it throws is how the request ends. */
  begin(run: (request: Request) => Expectations): void {
    try {
      this.#expectations = run(this);
    } catch (thrown) {
      this.fail(thrown);
    } finally {
      // What the method needs it has taken.
      this.bag.close();
    }
  }

  /** The caller may have what it asks for. */
  authorised(): void {
    this.#actor.send({ type: 'AUTHORISED' });
  }

  /** Sets out for a stage, taking the descriptors over. */
  pass<N extends Baton<'gateway'>>(to: Exclude<ServiceName, 'gateway'>, name: N, payload: Payload<N>, descriptors: Descriptor[]): void {
    this.#mesh.pass(to, name, payload, descriptors);
  }

  /** Asks a stage something without going there. */
  ask<N extends SentBy<'gateway'>>(whom: ServiceName, name: N, payload: Payload<N>): void {
    this.#mesh.send(whom, name, payload);
  }

  /** Takes in a hand-off. `isDead` tells whether that life has ended already. */
  moved(from: Node, to: Whereabouts, isDead: (life: Whereabouts) => boolean): void {
    if (this.#over) return;
    this.#trail.moved(from, to);
    const { at } = this.#trail;
    this.#actor.send({ type: 'MOVED', at });
    if (isDead(at)) this.stageDied(at);
  }

  stageDied(died: Whereabouts): void {
    if (!this.#over) this.#actor.send({ type: 'STAGE_DIED', died });
  }

  /** A stage's answer. False, and nothing taken, where this request does not wait for such a one. */
  deliver<N extends AnswerName>(name: N, payload: Payload<N>, descriptors: Descriptor[], from: Node): boolean {
    const act: Expectations[N] = this.#expectations[name];
    if (this.#over || act === undefined) return false;
    act(payload, descriptors, from);
    return true;
  }

  /** One of several replies, where the client asked for several. */
  progress(parameters: object): void {
    if (!this.#over && this.wish === 'more') this.client.progress(parameters);
  }

  /** The one result, taking the descriptors over. Naming the method holds the reply to the shape that it declares. */
  answer<N extends MethodName>(_method: N, parameters: ReplyOf<N>, descriptors: readonly Descriptor[] = []): void {
    this.reply(parameters, descriptors);
  }

  /** The same for a method of whose shape this room knows nothing. */
  reply(parameters: object, descriptors: readonly Descriptor[] = []): void {
    if (this.#over) {
      closeAll(descriptors);
      return;
    }
    this.#actor.send({ type: 'ANSWERED' });
    const written = () => {
      if (!this.#over) this.#actor.send({ type: 'WRITTEN' });
    };
    if (this.wish === 'oneway') {
      closeAll(descriptors);
      written();
    } else {
      this.client.reply(parameters, descriptors, written);
    }
  }

  fail(thrown: unknown): void {
    if (this.#over) return;
    const error = thrown instanceof Refusal ? thrown : asPosternError(thrown);
    if (error !== thrown) this.#mesh.log.error({ request: this.id, method: this.method, err: thrown }, 'a request met a bug');
    this.#actor.send({ type: 'FAILED', error });
  }

  /** Nobody waits for the answer any more. With a oneway call nobody ever did. */
  clientGone(): void {
    if (!this.#over && this.wish !== 'oneway') this.#actor.send({ type: 'CLIENT_GONE' });
  }

  #ending(): Ending {
    const { value, context } = this.#actor.getSnapshot();
    if (value === 'timedOut') return { outcome: value, cause: new PosternError('TIMED_OUT') };
    if (value === 'done' || value === 'cancelled') return { outcome: value, cause: null };
    return { outcome: 'failed', cause: context.error ?? new PosternError('INTERNAL') };
  }
}
