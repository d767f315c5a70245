/** What a service sees of the mesh: the messages it may send, the ones it must handle, and the life of a request. */
import type { Logger } from 'pino';
import type { Descriptor } from './descriptors.ts';
import type { PosternError } from './errors.ts';
import type { MessageName, Node, Payload, ReceivedBy, SentBy, ServiceName } from './protocol.ts';

/**
 * Receives the checked payload and owns the descriptors: each is closed or sent on, on every path. Where it throws (or rejects), the
 * mesh closes those that still have their owner and ends the request with that error; without a request to end, the process ends.
 */
export type Handler<N extends MessageName> = (payload: Payload<N>, descriptors: Descriptor[], from: Node) => void | Promise<void>;

/** What the mesh itself takes care of in every service. */
type Ours = 'mesh.configure' | 'mesh.wire' | 'mesh.stop';
/** What the mesh answers unless the service does. */
type Optional = 'status.ask';

/** One handler for each message that a service receives; a missing one does not compile. */
export type Handlers<S extends ServiceName> = {
  readonly [N in Exclude<ReceivedBy<S>, Ours | Optional>]: Handler<N>;
} & { readonly [N in ReceivedBy<S> & Optional]?: Handler<N> };

/** The messages that are about a request. */
type AboutRequest = { [N in MessageName]: Payload<N> extends { request: number } ? N : never }[MessageName];
/** The messages with which a request can move on. */
export type Baton<S extends ServiceName> = SentBy<S> & AboutRequest;

export interface Mesh<S extends ServiceName> {
  readonly self: S;
  /** this life of the service: raised by the parent at each start, over all services */
  readonly generation: number;
  readonly log: Logger;

  /**
   * Sends to a sibling and takes over the descriptors. While the sibling is down the message waits, in a bounded queue, until the
   * parent has wired its next life; a full queue throws SERVICE_UNAVAILABLE after closing the descriptors. For the
   * gateway nothing waits: its next life knows none of the requests of this one.
   */
  send<N extends SentBy<S>>(to: ServiceName, name: N, payload: Payload<N>, descriptors?: readonly Descriptor[]): void;

  /**
   * `send` for a request that moves on to another stage. At the moment the message really departs, and before it, the gateway is told
   * `request.handoff`: where the request goes, and to which life of it. So the request fails with that life and no other. Where it
   * departed for a life that was already dead, it fails with SERVICE_DIED.
   *
   * In the gateway the same announcement calls its own `request.handoff` handler (from `gateway`), possibly within this call; a
   * failure calls its `request.failed` handler, later. mesh/trail.ts follows these announcements.
   */
  pass<N extends Baton<S>>(to: Exclude<ServiceName, 'gateway'>, name: N, payload: Payload<N>, descriptors?: readonly Descriptor[]): void;

  /** Ends a request with a named error at the gateway. */
  fail(request: number, error: PosternError): void;

  /**
   * Hears that a sibling's life ended (its generation), after everything that it had sent was handled, and before the next life is up.
   * A hand-off to a life that has ended may still arrive afterwards, from another stage: the gateway remembers dead generations and
   * compares each `request.handoff` with them.
   */
  onPeerDown(listener: (peer: ServiceName, generation: number) => void): void;
  onPeerUp(listener: (peer: ServiceName, generation: number) => void): void;
}
