/** A service's side of the mesh: one link to each sibling, and what the siblings say about requests. */
import type { Channel, Packet } from './channel.ts';
import { closeAll, type Descriptor, ownedDescriptors } from './descriptors.ts';
import { BadMessage, checkDescriptors, checkShape, type HandlerTable } from './dispatch.ts';
import { PosternError } from './errors.ts';
import type { ExitReason } from './exit-codes.ts';
import { encodeFrame, FrameError } from './frame.ts';
import { Intake } from './intake.ts';
import { Link } from './link.ts';
import type { Logger } from './log.ts';
import type { Baton, Mesh } from './mesh.ts';
import { type MessageName, messages, type Node, type Payload, type SentBy, type ServiceName, services } from './protocol.ts';

/** `request.failed` takes no longer text. */
const maxDetail = 1024;

type LifeListener = (peer: ServiceName, generation: number) => void;

export interface PeersOptions<S extends ServiceName> {
  readonly self: S;
  readonly generation: number;
  readonly log: Logger;
  readonly die: (reason: ExitReason) => void;
}

export class Peers<S extends ServiceName> implements Mesh<S> {
  readonly self: S;
  readonly generation: number;
  readonly log: Logger;
  readonly #intake: Intake;
  readonly #links = new Map<ServiceName, Link>();
  readonly #up: LifeListener[] = [];
  readonly #down: LifeListener[] = [];
  /** ends that came before the handlers were known */
  #early: (() => void)[] | undefined = [];

  constructor({ self, generation, log, die }: PeersOptions<S>) {
    this.self = self;
    this.generation = generation;
    this.log = log;
    const isStage = self !== 'gateway';
    this.#intake = new Intake({ self, log, die, ...(isStage ? { fail: (request, error) => this.fail(request, error) } : {}) });
    for (const peer of services) if (peer !== self) this.#links.set(peer, this.#link(peer));
  }

  /**
   * From here on messages are handled; what was wired and sent before has waited.
   * @param report answers `status.ask` where the table does not
   */
  open(table: HandlerTable, report: () => Record<string, unknown> = () => ({})): void {
    this.#intake.table = { 'status.ask': ({ request }) => this.#tellStatus(request, report()), ...table };
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const attach of early) attach();
  }

  /** A sibling's next life. Takes the channel over. */
  wire(peer: ServiceName, generation: number, channel: Channel): void {
    const attach = () => this.#linkTo(peer).attach(channel, generation);
    if (this.#early === undefined) attach();
    else this.#early.push(attach);
  }

  /** A message that came from elsewhere than a sibling's channel; the same checks. Resolves when it was handled. */
  async receive(from: Node, frame: Uint8Array, descriptors: Descriptor[]): Promise<void> {
    const early = this.#early;
    if (early !== undefined) await new Promise<void>((resolve) => early.push(resolve));
    await this.#intake.receive(from, frame, descriptors);
  }

  send<N extends SentBy<S>>(to: ServiceName, name: N, payload: Payload<N>, descriptors: readonly Descriptor[] = []): void {
    this.#dispatch(to, name, payload, descriptors, {});
  }

  pass<N extends Baton<S>>(
    to: Exclude<ServiceName, 'gateway'>,
    name: N,
    payload: Payload<N>,
    descriptors: readonly Descriptor[] = [],
  ): void {
    const { request } = checkedRequest(payload);
    this.#dispatch(to, name, payload, descriptors, {
      departing: () => this.#announce({ request, to, generation: this.#linkTo(to).generation }),
      lost: () => this.fail(request, new PosternError('SERVICE_DIED', to)),
    });
  }

  fail(request: number, error: PosternError): void {
    const payload = { request, code: error.code, detail: error.detail.slice(0, maxDetail), parameter: error.parameter ?? null };
    if (this.self === 'gateway') setImmediate(() => this.#intake.table['request.failed']?.(payload, [], 'gateway'));
    else this.#tellGateway('request.failed', payload);
  }

  onPeerDown(listener: LifeListener): void {
    this.#down.push(listener);
  }

  onPeerUp(listener: LifeListener): void {
    this.#up.push(listener);
  }

  /** Ends every link, closing whatever waits. */
  close(): void {
    for (const link of this.#links.values()) link.close();
  }

  #link(peer: ServiceName): Link {
    return new Link(peer !== 'gateway', {
      message: (frame, descriptors) => void this.#intake.receive(peer, frame, descriptors),
      cut: () => this.#intake.cut(peer),
      up: (generation) => this.#up.forEach((listener) => void listener(peer, generation)),
      down: (generation) => this.#down.forEach((listener) => void listener(peer, generation)),
    });
  }

  #linkTo(peer: ServiceName): Link {
    const link = this.#links.get(peer);
    if (link === undefined) throw new PosternError('INTERNAL', 'no such sibling');
    return link;
  }

  #dispatch<N extends MessageName>(
    to: ServiceName,
    name: N,
    payload: Payload<N>,
    descriptors: readonly Descriptor[],
    hooks: Pick<Packet, 'departing' | 'lost'>,
  ): void {
    try {
      const frame = this.#encode(to, name, payload, descriptors);
      if (!this.#linkTo(to).send({ frame, descriptors, ...hooks })) throw new PosternError('SERVICE_UNAVAILABLE', to);
    } catch (error) {
      closeAll(descriptors);
      throw error;
    }
  }

  /** The receiver's own checks, run here first: a mistake of ours must fail one request, not the sibling. */
  #encode<N extends MessageName>(to: ServiceName, name: N, payload: Payload<N>, descriptors: readonly Descriptor[]): Uint8Array {
    try {
      const receivers: readonly Node[] = messages[name].to;
      if (!receivers.includes(to)) throw new BadMessage('not its receiver', name);
      checkDescriptors(name, checkShape(name, payload), descriptors);
      return encodeFrame(name, payload);
    } catch (error) {
      if (!(error instanceof BadMessage || error instanceof FrameError)) throw error;
      this.log.error({ ...requestOf(payload), to, err: error }, 'we nearly sent a bad message');
      throw new PosternError('INTERNAL');
    }
  }

  #tellStatus(request: number, report: Record<string, unknown>): void {
    const owned = { descriptors: ownedDescriptors(), generation: this.generation, upSeconds: Math.round(process.uptime()) };
    const plain: unknown = JSON.parse(JSON.stringify({ ...report, process: owned }));
    this.#dispatch('gateway', 'status.tell', checkShape('status.tell', { request, report: plain }), [], {});
  }

  #announce(whereabouts: Payload<'request.handoff'>): void {
    if (this.self === 'gateway') void this.#intake.table['request.handoff']?.(whereabouts, [], 'gateway');
    else this.#tellGateway('request.handoff', whereabouts);
  }

  /** Without a gateway to hear it, or where it hears too slowly, nothing is told: its deadlines see to what it missed. */
  #tellGateway<N extends 'request.handoff' | 'request.failed'>(name: N, payload: Payload<N>): void {
    const sent = this.#linkTo('gateway').send({ frame: encodeFrame(name, payload), descriptors: [] });
    if (!sent) this.log.warn({ ...requestOf(payload), message: name }, 'the gateway takes no more messages');
  }
}

function requestOf(payload: unknown): { request?: number } {
  const has = typeof payload === 'object' && payload !== null && 'request' in payload && typeof payload.request === 'number';
  return has && typeof payload.request === 'number' ? { request: payload.request } : {};
}

function checkedRequest(payload: unknown): { request: number } {
  const { request } = requestOf(payload);
  if (request === undefined) throw new PosternError('INTERNAL', 'a baton without a request');
  return { request };
}
