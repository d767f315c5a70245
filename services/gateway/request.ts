/** One request: its machine, its whereabouts, and what it waits for. Everything that happens to it goes through here. */
import { createActor } from 'xstate';
import { isAllowed } from '../../mesh/authority.ts';
import { type Clock, machineClock } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { asPosternError, PosternError } from '../../mesh/errors.ts';
import type { Baton, Mesh } from '../../mesh/mesh.ts';
import type { Consult, Node, Payload, Peer, SentBy, ServiceName } from '../../mesh/protocol.ts';
import { Trail, type Whereabouts } from '../../mesh/trail.ts';
import type { MethodName, ReplyOf } from '../../varlink/method/registry.ts';
import { obey } from './authorise.ts';
import type { Rule } from './config.ts';
import { Bag, type Reference } from './descriptors.ts';
import { Refusal } from './errors.ts';
import { type Cause, requestMachine } from './machine.ts';
import type { Question } from './questions.ts';

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
  /** milliseconds that a person may take who is asked for a password */
  readonly interactive: number;
  readonly client: Client;
  /** how the call was made: `more` lets it have several replies, `oneway` none */
  readonly wish: 'one' | 'oneway' | 'more';
  readonly descriptors: readonly Descriptor[];
  /** called once, possibly within any of the methods here */
  readonly ended: (ending: Ending) => void;
}

/** What goes along with a question, and what comes after it. */
interface Permit {
  readonly question: Question;
  /** a directory whose path, or that of a child with this name, is one of the details */
  readonly directory?: { readonly reference: Reference; readonly child: string | null };
  /** The caller may have it: sets out. What it needs is still in the bag. `consult` is for stages that may have a question of their own. */
  readonly proceed: (consult: Consult) => void;
}

export class Request {
  readonly id: number;
  readonly method: string;
  readonly client: Client;
  readonly wish: RequestOptions['wish'];
  readonly bag: Bag;
  readonly #mesh: Mesh<'gateway'>;
  readonly #clock: Clock;
  readonly #interactive: number;
  readonly #actor;
  #trail: Trail;
  #budget: number;
  #deadline: number;
  #expectations: Expectations = {};
  #asks = false;
  /** polkit has not answered yet */
  #permit: Permit | undefined;
  #wasAsked = false;
  #over = false;

  /** Takes the descriptors over. */
  constructor({ id, method, mesh, clock, budget, interactive, client, wish, descriptors, ended }: RequestOptions) {
    this.id = id;
    this.method = method;
    this.client = client;
    this.#clock = clock;
    this.#interactive = interactive;
    this.#budget = budget;
    this.#deadline = clock.now() + budget;
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

  /** absolute, on the clock that all processes share; later where a person was asked first */
  get deadline(): number {
    return this.#deadline;
  }

  /** Whether polkit has the last word about it. */
  get asks(): boolean {
    return this.#asks;
  }

  /** Whether polkit may have, or get, a question about it. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** Takes in the operator's rule. @throws PosternError PERMISSION_DENIED */
  obey(rule: Rule): void {
    this.#asks = obey(rule, this.client.peer);
  }

  /** Runs a method's own part; what it throws is how the request ends. */
  begin(run: (request: Request) => Expectations): void {
    this.#guard(() => {
      this.#expectations = run(this);
    });
  }

  /** The caller may have what it asks for. */
  authorised(): void {
    this.#actor.send({ type: 'AUTHORISED' });
  }

  /** Goes on where the caller may: at once, or as soon as polkit has said so. */
  permit(permit: Permit): void {
    if (!this.#asks) {
      this.authorised();
      permit.proceed(null);
      return;
    }
    const { question, directory } = permit;
    const { process, peer } = this.client;
    if (process === null) throw new PosternError('PERMISSION_DENIED', 'the process that connected has ended');
    const { action, details, interactive } = question;
    if (interactive) this.#budget += this.#interactive;
    const patience = interactive ? this.#interactive : this.#budget;
    this.#permit = permit;
    this.#wasAsked = true;
    this.#actor.send({ type: 'ASKED', times: { patience, budget: this.#budget } });
    const along = directory === undefined ? [] : this.bag.take([directory.reference]);
    const deadline = this.#clock.now() + patience;
    const child = directory && { child: directory.child };
    this.pass(
      'polkit',
      'authority.ask',
      { request: this.id, ask: 0, deadline, peer, action, details, interactive, directory: child ?? null },
      [process.duplicate(), ...along],
    );
  }

  /** polkit has answered. */
  told({ verdict, detail }: Payload<'authority.told'>): void {
    const permit = this.#permit;
    if (this.#over || permit === undefined) return;
    this.#permit = undefined;
    this.#guard(() => {
      const { action, interactive, untrusted } = permit.question;
      if (!isAllowed(action, verdict, detail)) {
        throw new PosternError('PERMISSION_DENIED', verdict === 'absent' ? `nobody is here to ask about ${action}` : `polkit: ${action}`);
      }
      // What was with polkit is here again.
      this.#trail = new Trail(this.#mesh.generation);
      this.#deadline = this.#clock.now() + this.#budget;
      this.authorised();
      permit.proceed({ interactive, untrusted });
    });
  }

  /** The caller's process, for stages that may have a question about it. */
  processFor(consult: Consult): Descriptor[] {
    return consult === null || this.client.process === null ? [] : [this.client.process.duplicate()];
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
    if (isDead(at)) this.stageDied(at);
  }

  /** A life of a stage ended: with the request, or before the request set out for it. Where its answer is on the way, that no longer matters. */
  stageDied(died: Whereabouts): void {
    const { at } = this.#trail;
    if (at.stage === died.stage && at.generation <= died.generation) this.fail(new PosternError('SERVICE_DIED', died.stage));
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

  /** What is thrown is how the request ends. Afterwards nothing in the bag is of use, unless there is a question. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (thrown) {
      this.fail(thrown);
    } finally {
      if (this.#permit === undefined) this.bag.close();
    }
  }

  #ending(): Ending {
    const { value, context } = this.#actor.getSnapshot();
    if (value === 'timedOut') return { outcome: value, cause: new PosternError('TIMED_OUT') };
    if (value === 'done' || value === 'cancelled') return { outcome: value, cause: null };
    return { outcome: 'failed', cause: context.error ?? new PosternError('INTERNAL') };
  }
}
