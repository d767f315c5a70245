/** The folders and the socket that `serve` owns: made with the right owners, held by one server at a time, and taken away again. */
import { chmodSync, chownSync, constants, lstatSync, mkdirSync, openSync, realpathSync, statSync, unlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Descriptor } from '../../mesh/descriptors.ts';
import { hostPath } from '../../mesh/launch.ts';
import { type Privileges, userIds } from '../../mesh/privileges.ts';
import { isSystemError, native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

/** The launcher takes `HOST:INSIDE`, so neither may hold a colon. */
export function plainPath(path: string, option: string): string {
  const absolute = resolve(path);
  if (absolute.includes(':')) {
    throw new Failure({ what: `${option} ${path} can't be used`, why: 'its path holds a colon', exitCode: exitCodes.usage });
  }
  return absolute;
}

/**
 * The state folder, and in it one folder for each service that keeps something: owned by that service, closed to all others.
 * @returns the folder's real path
 */
export function makeState(state: string, services: readonly Privileges[]): string {
  try {
    // only the last one is closed: others may have to pass through what is above it
    mkdirSync(dirname(state), { recursive: true, mode: 0o755 });
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const facts = statSync(state);
    if (facts.uid !== 0 || (facts.mode & 0o022) !== 0) {
      const why = facts.uid === 0 ? 'others may write in it' : `it belongs to uid ${facts.uid}`;
      throw new Failure({ what: `${state} can't be the state folder`, why, next: 'name one of root’s own', exitCode: exitCodes.refused });
    }
    const real = realpathSync(state);
    for (const { user, view } of services) {
      for (const entry of view.filter(({ create, shared }) => create === true && shared !== true)) {
        const folder = hostPath(entry, { STATE: real });
        mkdirSync(folder, { recursive: true, mode: 0o700 });
        chmodSync(folder, 0o700);
        chownSync(folder, userIds[user], userIds[user]);
      }
    }
    return real;
  } catch (thrown) {
    throw cannotMake(thrown, `the state folder ${state}`);
  }
}

function cannotMake(thrown: unknown, what: string): unknown {
  if (!isSystemError(thrown)) return thrown;
  return new Failure({ what: `${what} can't be made`, why: thrown.message, exitCode: exitCodes.cantCreate });
}

/** Holds the state folder for this process alone, until the descriptor is closed: two servers would give one range twice. */
export function holdState(state: string): Descriptor {
  const lock = new Descriptor(openSync(`${state}/lock`, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600));
  if (native.lock(lock.fd)) return lock;
  lock.close();
  throw new Failure({
    what: `another \`postern serve\` uses the state folder ${state}`,
    next: 'end it first, or name another folder with --state',
    exitCode: exitCodes.failed,
  });
}

/** Everybody may knock; who is let in is the gateway's matter. */
const socketMode = 0o666;
/** Connections that may wait while the gateway is started again: as many as the kernel lets us by default (net.core.somaxconn). */
const backlog = 4096;

export interface OwnSocket {
  readonly listener: Descriptor;
  readonly path: string;
  /** Takes the socket's file away, unless somebody else has put another one there. */
  remove(): void;
}

/** Listens on a path of our own. An abandoned socket file is replaced; one that answers is another server's. */
export function makeSocket(path: string): OwnSocket {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    const listener = new Descriptor(native.listen(path, socketMode, backlog));
    const { dev, ino } = lstatSync(path);
    const remove = () => {
      const now = lstatSync(path, { throwIfNoEntry: false });
      if (now?.dev === dev && now.ino === ino) unlinkSync(path);
    };
    return { listener, path, remove };
  } catch (thrown) {
    if (isSystemError(thrown) && thrown.code === 'EADDRINUSE') {
      throw new Failure({
        what: `there is something at ${path} already`,
        why: 'another `postern serve` answers there, or it is no socket',
        next: 'end it first, or name another path with --socket',
        exitCode: exitCodes.failed,
      });
    }
    throw cannotMake(thrown, `the socket ${path}`);
  }
}
