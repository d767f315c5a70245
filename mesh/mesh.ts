/** What a service sees of the mesh: the messages it may send, the ones it must handle, and the life of a request. */
import type { Logger } from 'pino';
import type { Descriptor } from './descriptors.ts';
import type { PosternError } from './errors.ts';
import type { MessageName, Node, Payload, ReceivedBy, SentBy, ServiceName } from './protocol.ts';

/** Receives the parsed payload and owns the descriptors: each is closed or sent on, on every path. */
export type Handler<N extends MessageName> = (payload: Payload<N>, descriptors: Descriptor[], from: Node) => void | Promise<void>;

/** One handler for each message that a service receives; a missing one does not compile. The mesh's own messages are handled by the mesh. */
export type Handlers<S extends ServiceName> = {
  readonly [N in Exclude<ReceivedBy<S>, 'mesh.configure' | 'mesh.wire' | 'mesh.stop'>]: Handler<N>;
};

/** A message that carries a request onward. */
export type Baton<S extends ServiceName> = { [N in SentBy<S>]: Payload<N> extends { request: number } ? N : never }[SentBy<S>];

export interface Mesh<S extends ServiceName> {
  readonly self: S;
  /** this life of the service: raised by the parent at each start, over all services */
  readonly generation: number;
  readonly log: Logger;

  /**
   * Sends to a sibling and takes over the descriptors. While the sibling is down the message waits, in a bounded queue, until the
   * parent has wired its next life; a full queue throws SERVICE_UNAVAILABLE after closing the descriptors.
   */
  send<N extends SentBy<S>>(to: ServiceName, name: N, payload: Payload<N>, descriptors?: readonly Descriptor[]): void;

  /** `send` for a request that moves on to another stage: tells the gateway first where it goes, so that it fails with that stage and no other. */
  pass<N extends Baton<S>>(to: Exclude<ServiceName, 'gateway'>, name: N, payload: Payload<N>, descriptors?: readonly Descriptor[]): void;

  /** Ends a request with a named error at the gateway. */
  fail(request: number, error: PosternError): void;

  /** Hears that a sibling's life ended (its generation), after everything that it had sent was handled. */
  onPeerDown(listener: (peer: ServiceName, generation: number) => void): void;
  onPeerUp(listener: (peer: ServiceName, generation: number) => void): void;
}
