/** A user namespace of the caller's, made and entered by the container program: a process with threads, as this is one, can do neither. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Descriptor } from '../mesh/descriptors.ts';
import { native } from '../native/index.ts';
import type { Borrowed } from './connection.ts';
import { NamespaceFailed } from './errors.ts';
import type { MountedImage } from './mounted-image.ts';

const here = dirname(fileURLToPath(import.meta.url));

/** Beside the bundle that this is a part of; in the native build where it runs from its source. */
export const containerProgram =
  [join(here, 'container'), join(here, '../native/build/container')].find((place) => existsSync(place)) ?? join(here, 'container');

/** One byte and a descriptor pass through the pair. */
const handBackBytes = 4096;

/**
 * A new user namespace of the caller's, with nothing mapped and nobody in it: it lives as long as the descriptor, and as who is in it.
 * @throws NamespaceFailed where the kernel lets this user have none, or no more
 */
export async function createUserNamespace(): Promise<Descriptor> {
  const [ours, theirs] = native.socketPair(handBackBytes);
  using end = new Descriptor(ours);
  const child = spawn(containerProgram, ['namespace'], { stdio: ['ignore', 'ignore', 'pipe', theirs] });
  closeSync(theirs);
  const [said, [status]] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'exit')]);
  if (status !== 0) throw spoken(said);
  const fd = native.receive(end.fd, Buffer.alloc(1), 1)?.descriptors[0];
  if (fd === undefined) throw new NamespaceFailed('no user namespace came back');
  return new Descriptor(fd);
}

/** The program's own words: what happened, and on a line of its own what to do. */
function spoken(said: string): NamespaceFailed {
  const [first = '', second] = said.trim().split('\n');
  return new NamespaceFailed(first.replace(/^postern: /, ''), second?.replace(/^\s*next\s+/, ''));
}

export interface Inside {
  /** one that has its range */
  readonly userNamespace: Borrowed;
  /** whose file systems become the program's own */
  readonly image: MountedImage;
  readonly hostname?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** the caller's own standard input, output and error unless told otherwise */
  readonly stdio?: 'inherit' | 'pipe' | 'ignore';
}

/**
 * Runs a program in an image, as root of the namespace's range, in mount, process and other namespaces of its own. It ends with this
 * process's child: a signal to that is passed on to it, and its status is the program's, or 128 and more where a signal ended it.
 */
export function spawnInside(
  { userNamespace, image, hostname, environment, stdio = 'inherit' }: Inside,
  command: readonly string[],
): ChildProcess {
  const places = image.placesBelow('/');
  const passed = [
    typeof userNamespace === 'number' ? userNamespace : userNamespace.fd,
    ...places.map(({ partition }) => partition.mount.fd),
  ];
  const standard: StdioOptions = [stdio, stdio, stdio];
  const args = [
    ...['--userns', String(standard.length)],
    ...(hostname === undefined ? [] : ['--hostname', hostname]),
    ...places.flatMap(({ path }, index) => ['--mount', `${standard.length + 1 + index}:${path}`]),
  ];
  const env = environment ?? { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', container: 'postern' };
  return spawn(containerProgram, ['run', ...args, '--', ...command], { stdio: [...standard, ...passed], env });
}
