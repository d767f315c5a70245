/** The gateway as the command line meets it: the client library, with its failures told for people. */
import { CallError, ConnectionLost, PosternClient } from '../client/client.ts';
import { errorCatalogue, isErrorCode } from '../mesh/errors.ts';
import { isSystemError } from '../native/index.ts';
import { codedFailure, Failure } from './errors.ts';
import { exitCodes } from './exit-codes.ts';

const nobodyThere: Record<string, string> = {
  ENOENT: 'there is no socket',
  ECONNREFUSED: 'there is a socket, but nobody listens on it',
  ENOTSOCK: 'it is no socket',
  EACCES: 'you may not connect to it',
};

/** Connects. @throws {Failure} that tells how to start the gateway, where nobody answers */
export function connect(socket: string): PosternClient {
  try {
    return PosternClient.connect(socket);
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    throw new Failure({
      what: `the gateway does not answer at ${socket}`,
      why: nobodyThere[thrown.code] ?? thrown.message,
      next: 'sudo postern serve; or name its socket with --socket or POSTERN_SOCKET',
      exitCode: thrown.code === 'EACCES' ? exitCodes.refused : exitCodes.unavailable,
    });
  }
}

/** The server's own sentence ends with what to do next, which is told on a line of its own here. */
function whyOf({ message }: CallError, next: string): string {
  return message.endsWith(`; ${next}`) ? message.slice(0, -next.length - 2) : message;
}

function told(thrown: unknown, what: string): unknown {
  if (thrown instanceof ConnectionLost) {
    const next = 'try again; `postern status` and the log show how the gateway is';
    return new Failure({ what, why: thrown.message, next, exitCode: exitCodes.unavailable });
  }
  if (!(thrown instanceof CallError)) return thrown;
  const { reason, parameter, error, message } = thrown;
  if (reason !== null && isErrorCode(reason)) {
    const { next } = errorCatalogue[reason];
    const why = whyOf(thrown, next);
    return codedFailure(reason, what, parameter === null ? why : `${why} [${parameter}]`);
  }
  return new Failure({ what, why: message === error ? `the gateway answered ${error}` : message, exitCode: exitCodes.failed });
}

/** Waits for the gateway's answer; its errors become failures of what the user was doing. */
export async function attempt<T>(what: string, answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (thrown) {
    throw told(thrown, what);
  }
}
