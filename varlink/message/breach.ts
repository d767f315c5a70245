/** A peer that broke the protocol. The connection ends; Varlink has no error for it, since there is no call to answer. */

export type BreachKind =
  /** a message longer than the limit */
  | 'too-long'
  /** descriptors that did not come with the first byte of a message */
  | 'stray-descriptors'
  | 'not-json'
  /** JSON, but not a call (or, at a client, not a reply) */
  | 'not-a-message';

export class ProtocolBreach extends Error {
  override readonly name = 'ProtocolBreach';

  constructor(
    readonly kind: BreachKind,
    what: string,
  ) {
    super(what);
  }
}
