/** What a command finds around it: its variables, and who it is. */
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

const base = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  // by this, programs know that they run in a container (https://systemd.io/CONTAINER_INTERFACE)
  container: 'postern',
};

function usage(what: string, next: string): Failure {
  return new Failure({ what, next, exitCode: exitCodes.usage });
}

/** A clean environment, with what `--env` adds: `NAME=VALUE`, or `NAME` for the caller's own value. */
export function environment(given: readonly string[], user: number, caller: NodeJS.ProcessEnv): Record<string, string> {
  const variables: Record<string, string> = { ...base, HOME: user === 0 ? '/root' : '/' };
  if (user === 0) Object.assign(variables, { USER: 'root', LOGNAME: 'root' });
  // the terminal is the caller's, so its name is too
  const terminal = caller.TERM;
  if (terminal !== undefined) variables.TERM = terminal;
  for (const argument of given) {
    const [, name, value] = /^([^=]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) throw usage(`--env ${argument}: a variable needs a name`, '--env NAME=VALUE');
    const chosen = value ?? caller[name];
    if (chosen === undefined) throw usage(`--env ${name}: you have no such variable`, `--env ${name}=VALUE`);
    variables[name] = chosen;
  }
  return variables;
}

/** The IDs of a range of 65536; the last one is no ID by long custom, but it is one for the kernel. */
const highestId = 65535;

/** `UID` or `UID:GID`, as IDs inside. */
export function identity(given: string | undefined): { readonly uid: number; readonly gid: number } {
  if (given === undefined) return { uid: 0, gid: 0 };
  const [, user, group] = /^(\d{1,5})(?::(\d{1,5}))?$/.exec(given) ?? [];
  const uid = Number(user);
  const gid = group === undefined ? uid : Number(group);
  if (!(uid <= highestId && gid <= highestId))
    throw usage(`--user ${given}: not an ID of the range`, '--user UID or UID:GID, each from 0 to 65535');
  return { uid, gid };
}

/** A host name as sethostname(2) and people take it. */
export function hostName(given: string): string {
  if (!/^[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?$/.test(given)) {
    throw usage(`--hostname ${given}: not a host name`, 'use up to 64 letters, digits, hyphens and dots');
  }
  return given;
}
