/** All requests under way. What the mesh says about one finds it here by its number, or finds nothing, and what came along is closed. */
import type { Clock } from '../../mesh/clock.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Node, Payload, ServiceName } from '../../mesh/protocol.ts';
import type { Whereabouts } from '../../mesh/trail.ts';
import type { Call } from '../../varlink/message/call.ts';
import { isMethodName } from '../../varlink/method/registry.ts';
import type { GatewayConfig, Rule } from './config.ts';
import { Refusal, varlinkError } from './errors.ts';
import type { Served } from './methods/method.ts';
import { type AnswerName, type Client, type Ending, Request } from './request.ts';

/** The lower part of a request's number; above it is the gateway's generation, so that no number comes twice over its lives. */
const perGeneration = 2 ** 32;

export class Requests {
  readonly #mesh: Mesh<'gateway'>;
  readonly #clock: Clock;
  readonly #deadlines: GatewayConfig['deadlines'];
  readonly #methods: ReadonlyMap<string, Served>;
  readonly #ruleFor: (method: string) => Rule;
  readonly #underWay = new Map<number, Request>();
  /** the last life of each stage that has ended */
  readonly #dead = new Map<ServiceName, number>();
  readonly #ended = { done: 0, failed: 0, cancelled: 0, timedOut: 0 };
  #count = 0;

  /** @param ruleFor who may call a method, by its full name */
  constructor(
    mesh: Mesh<'gateway'>,
    clock: Clock,
    deadlines: GatewayConfig['deadlines'],
    methods: readonly Served[],
    ruleFor: (method: string) => Rule,
  ) {
    this.#mesh = mesh;
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#ruleFor = ruleFor;
    this.#methods = new Map(methods.map((served) => [served.name, served]));
    mesh.onPeerDown((stage, generation) => this.#stageDied({ stage, generation }));
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** How many ended how since this process started. */
  get ended(): Readonly<Record<Ending['outcome'], number>> {
    return this.#ended;
  }

  /**
   * Begins a request, taking the descriptors over.
   * @param ended called once, possibly before this returns
   */
  begin({ method, parameters, wish }: Call, client: Client, descriptors: readonly Descriptor[], ended: (ending: Ending) => void): Request {
    const served = this.#methods.get(method);
    this.#count = (this.#count + 1) % perGeneration;
    const id = this.#mesh.generation * perGeneration + this.#count;
    const request = new Request({
      id,
      method,
      mesh: this.#mesh,
      clock: this.#clock,
      budget: this.#deadlines[served?.deadline ?? 'request'],
      interactive: this.#deadlines.interactive,
      client,
      wish: wish === 'upgrade' ? 'one' : wish,
      descriptors,
      ended: (ending) => {
        this.#underWay.delete(id);
        this.#settle(request, served, ending);
        ended(ending);
      },
    });
    this.#underWay.set(id, request);
    request.begin(() => {
      if (served === undefined && !isMethodName(method)) throw notFound(method);
      if (wish === 'upgrade') throw new Refusal(varlinkError('io.postern.Gateway.UpgradeNotSupported', upgradeRefused));
      if (served === undefined) throw new PosternError('NOT_IMPLEMENTED');
      // before all else: callers whom the rule shuts out learn nothing of their parameters
      request.obey(this.#ruleFor(method));
      return served.begin(parameters, request);
    });
    return request;
  }

  /** A stage's answer, taking the descriptors over. One that comes too late is closed. */
  deliver<N extends AnswerName>(name: N, payload: Payload<N>, descriptors: Descriptor[], from: Node): void {
    const request = this.#underWay.get(payload.request);
    if (request?.deliver(name, payload, descriptors, from) === true) return;
    closeAll(descriptors);
    this.#mesh.log.debug({ request: payload.request, message: name, from }, 'nobody waits for this answer any more');
  }

  /** polkit's answer to a question of ours. */
  told(payload: Payload<'authority.told'>): void {
    this.#underWay.get(payload.request)?.told(payload);
  }

  failed({ request, code, detail, parameter }: Payload<'request.failed'>): void {
    this.#underWay.get(request)?.fail(new PosternError(code, detail, parameter ?? undefined));
  }

  moved({ request, to, generation }: Payload<'request.handoff'>, from: Node): void {
    const isDead = (life: Whereabouts) => life.generation <= (this.#dead.get(life.stage) ?? 0);
    this.#underWay.get(request)?.moved(from, { stage: to, generation }, isDead);
  }

  #stageDied(died: Whereabouts): void {
    this.#dead.set(died.stage, Math.max(died.generation, this.#dead.get(died.stage) ?? 0));
    for (const request of [...this.#underWay.values()]) request.stageDied(died);
  }

  #settle(request: Request, served: Served | undefined, { outcome, cause }: Ending): void {
    this.#ended[outcome] += 1;
    const { id, method, client, at } = request;
    const level = outcome === 'timedOut' || (cause instanceof PosternError && cause.code === 'SERVICE_DIED') ? 'warn' : 'debug';
    this.#mesh.log[level]({ request: id, method, uid: client.peer.uid, outcome, at: at.stage, err: cause ?? undefined }, 'request ended');
    const mayStillBeVerified = served?.deadline === 'image' && at.stage !== 'mounter' && at.stage !== 'lsm';
    if (mayStillBeVerified && (outcome === 'cancelled' || outcome === 'timedOut')) this.#cancel(id, 'verity');
    if (request.wasAsked && outcome !== 'done') this.#cancel(id, 'polkit');
  }

  /** Saves them the work, and a person the dialog. Where they can't be told, they find out that nobody wants the result. */
  #cancel(request: number, whom: 'verity' | 'polkit'): void {
    try {
      this.#mesh.send(whom, 'request.cancel', { request });
    } catch (error) {
      this.#mesh.log.debug({ request, whom, err: error }, 'a cancellation could not be told');
    }
  }
}

/** For an interface that is unknown, too: InterfaceNotFound answers only who asks for its description. */
function notFound(method: string): Refusal {
  return new Refusal(varlinkError('org.varlink.service.MethodNotFound', { method }));
}

const upgradeRefused = { message: 'no method here turns the connection over to another protocol; call it without `upgrade`' };
