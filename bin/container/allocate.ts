/** A namespace with a range and nothing else: then this process is the command, as its root. */
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { attempt, connect } from '../gate.ts';
import { become, newUserNamespace } from './program.ts';

export interface AllocateOptions {
  readonly socket: string;
  readonly delegate?: string;
  readonly name?: string;
}

/** As many further ranges as one namespace may have. */
const maxDelegations = 16;

function delegations(given: string | undefined): number {
  if (given === undefined) return 0;
  const count = Number(given);
  if (/^\d+$/.test(given) && count >= 1 && count <= maxDelegations) return count;
  throw new Failure({
    what: `--delegate ${given}: not a number of ranges`,
    next: `--delegate 1 to ${maxDelegations}`,
    exitCode: exitCodes.usage,
  });
}

export async function allocate(command: readonly string[], options: AllocateOptions): Promise<never> {
  if (command.length === 0) {
    throw new Failure({ what: 'no command to run', next: 'postern allocate -- cat /proc/self/uid_map', exitCode: exitCodes.usage });
  }
  const delegateContainerRanges = delegations(options.delegate);
  using gate = connect(options.socket);
  using namespace = await newUserNamespace();
  // a name of the caller's own choice is taken as it is, or refused
  const name = options.name === undefined ? { name: 'postern' } : { name: options.name, mangleName: false };
  await attempt('no range was given', gate.allocate({ ...name, userNamespace: namespace, delegateContainerRanges }));
  return become({ task: 'enter', options: ['--userns', String(namespace.fd)], command, environment: process.env, keep: [namespace] });
}
