/** How a call can fail, for the caller. */
import { errorCatalogue, isErrorCode, PosternError } from '../mesh/errors.ts';
import { type ErrorName, type Errors, errorShape } from '../varlink/method/registry.ts';

/** The server answered with an error. */
export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code = 'CALL_FAILED';

  /**
   * @param error the Varlink error's full name, such as `io.systemd.MountFileSystem.KeyNotFound`
   * @param parameters what came with it, as it came
   */
  constructor(
    readonly error: string,
    readonly parameters: Readonly<Record<string, unknown>>,
  ) {
    super(typeof parameters.message === 'string' ? parameters.message : error);
  }

  /** Whether it is this error of an interface, with the parameters that the interface declares for it. */
  is<N extends ErrorName>(error: N): this is { readonly error: N; readonly parameters: Errors[N] } {
    return this.error === error && errorShape(error).fits(this.parameters);
  }

  /** Postern's stable code, such as `SIGNER_UNKNOWN`; null from another server. */
  get reason(): string | null {
    const { reason } = this.parameters;
    return typeof reason === 'string' ? reason : null;
  }

  /** The parameter at fault, where the error names one. */
  get parameter(): string | null {
    const { parameter } = this.parameters;
    return typeof parameter === 'string' ? parameter : null;
  }

  /** The failure as whoever found it threw it, where the server is Postern and its catalogue is ours. */
  asPosternError(): PosternError | null {
    const { reason } = this;
    if (reason === null || !isErrorCode(reason)) return null;
    const { why, next } = errorCatalogue[reason];
    const [start, end] = [`${why} (`, `); ${next}`];
    const hasDetail = this.message.startsWith(start) && this.message.endsWith(end);
    return new PosternError(reason, hasDetail ? this.message.slice(start.length, -end.length) : '', this.parameter ?? undefined);
  }
}

/** The connection ended before the answer came. Whether the call was carried out is not known. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly code = 'CONNECTION_LOST';

  constructor(why = 'the server closed the connection') {
    super(why);
  }
}

/** The server answered something that its interface does not allow. */
export class BadReply extends Error {
  override readonly name = 'BadReply';
  readonly code = 'BAD_REPLY';
}

/** The kernel gave no user namespace. */
export class NamespaceFailed extends Error {
  override readonly name = 'NamespaceFailed';
  readonly code = 'NAMESPACE_FAILED';

  /** @param next what to do about it */
  constructor(
    what: string,
    readonly next?: string,
  ) {
    super(what);
  }
}
