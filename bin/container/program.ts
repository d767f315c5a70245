/** The container program beside us: it makes namespaces, and it is what this process turns into. */
import { createUserNamespace, NamespaceFailed } from '../../client/client.ts';
import { containerProgram } from '../../client/user-namespace.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

/** A new user namespace for a container; see `createUserNamespace`. @throws {Failure} that tells why there is none */
export async function newUserNamespace(): Promise<Descriptor> {
  try {
    return await createUserNamespace();
  } catch (thrown) {
    if (!(thrown instanceof NamespaceFailed)) throw thrown;
    const { message: what, next } = thrown;
    const exitCode = exitCodes.system;
    throw new Failure(next === undefined ? { what, exitCode } : { what, next, exitCode });
  }
}

export interface Become {
  readonly task: 'run' | 'enter';
  readonly options: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the program is to find open; everything else is closed. */
  readonly keep: readonly Descriptor[];
}

/** Node marks its own standard descriptors to be closed. */
const standard = [0, 1, 2];

/** This process becomes the container program, so that a running container costs no Node. Does not return. */
export function become({ task, options, command, environment, keep }: Become): never {
  const variables = Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  const argv = ['postern', task, ...options, '--', ...command];
  return native.execute(containerProgram, argv, variables, [...standard, ...keep.map(({ fd }) => fd)]);
}
