/** The container program beside us: it makes namespaces, and it is what this process turns into. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';

const program = join(dirname(fileURLToPath(import.meta.url)), 'container');

/** One byte and a descriptor pass through the pair. */
const handBackBytes = 4096;

/** A new user namespace of the caller's, with nothing mapped and nobody in it: it lives as long as the descriptor. */
export async function newUserNamespace(): Promise<Descriptor> {
  const [ours, theirs] = native.socketPair(handBackBytes);
  using end = new Descriptor(ours);
  const child = spawn(program, ['namespace'], { stdio: ['ignore', 'ignore', 'pipe', theirs] });
  closeSync(theirs);
  const [said, [status]] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'exit')]);
  if (status !== 0) throw spoken(said);
  const fd = native.receive(end.fd, Buffer.alloc(1), 1)?.descriptors[0];
  if (fd === undefined) throw new Failure({ what: 'no user namespace came back', exitCode: exitCodes.bug });
  return new Descriptor(fd);
}

/** The program's own words, as a failure of ours. */
function spoken(said: string): Failure {
  const [first = '', second] = said.trim().split('\n');
  const what = first.replace(/^postern: /, '');
  const next = second?.replace(/^\s*next\s+/, '');
  const exitCode: ExitCode = exitCodes.system;
  return new Failure(next === undefined ? { what, exitCode } : { what, next, exitCode });
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
  return native.execute(program, argv, variables, [...standard, ...keep.map(({ fd }) => fd)]);
}
