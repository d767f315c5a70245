/** From images to a running container: a namespace, its range, the mounts, and then this process is the container's. */
import { posix } from 'node:path';
import type { PosternClient } from '../../client/client.ts';
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { attempt, connect } from '../gate.ts';
import { Progress } from '../output.ts';
import { hostNameOf, type ImageArgument, openImage, parseImages, readPassword } from './images.ts';
import { become, newUserNamespace } from './program.ts';
import { environment, hostName, identity } from './surroundings.ts';

export interface RunOptions {
  readonly image?: string[];
  readonly socket: string;
  readonly env?: string[];
  readonly passwordFile?: string;
  readonly user?: string;
  readonly hostname?: string;
  readonly privateNetwork?: boolean;
}

/** Checking an image as large as this takes long enough to show how far it is. */
const worthShowing = 32 * 2 ** 20;

interface Attachment {
  readonly mount: Descriptor;
  readonly target: string;
}

function usage(what: string, next: string): Failure {
  return new Failure({ what, next, exitCode: exitCodes.usage });
}

/** Has a large image checked with a bar that shows how far it is, so that mounting it is quick. */
async function prepare(gate: PosternClient, file: string, image: Descriptor): Promise<void> {
  using progress = new Progress();
  for await (const { phase, done, total } of gate.prepare(image)) progress.show(`${phase} ${posix.basename(file)}`, done, total);
}

/** Mounts one image for the namespace; each of its partitions goes where the image says, below the image's own place. */
async function mountImage(
  gate: PosternClient,
  { file, target }: ImageArgument,
  image: Descriptor,
  userNamespace: Descriptor,
  password: string | null,
) {
  const refused = `${file} was refused`;
  if (password === null && native.describe(image.fd).size >= worthShowing) await attempt(refused, prepare(gate, file, image));
  const mounted = await attempt(refused, gate.mountImage({ image, userNamespace, password }));
  return mounted.placesBelow(target).map(({ partition, path }): Attachment => ({ mount: partition.mount, target: path }));
}

export async function run(command: readonly string[], options: RunOptions): Promise<never> {
  const given = options.image ?? [];
  if (given.length === 0) {
    throw usage('no image to run it in', 'postern run --image FILE -- COMMAND; for a range of IDs alone: postern allocate -- COMMAND');
  }
  if (command.length === 0) throw usage('no command to run in it', `postern run --image ${given[0]} -- sh`);
  const images = parseImages(given);
  const { uid, gid } = identity(options.user);
  const variables = environment(options.env ?? [], uid, process.env);
  const name = options.hostname === undefined ? hostNameOf(images[0]?.file ?? '') : hostName(options.hostname);

  const password = options.passwordFile === undefined ? null : readPassword(options.passwordFile);
  const opened = images.map((image) => ({ image, file: openImage(image.file) }));
  using gate = connect(options.socket);
  using namespace = await newUserNamespace();
  await attempt('no range was given', gate.allocate({ name, userNamespace: namespace }));
  const attachments: Attachment[] = [];
  // one after the other: the second may be the first one's copy
  for (const { image, file } of opened) attachments.push(...(await mountImage(gate, image, file, namespace, password)));
  closeAll(opened.map(({ file }) => file));

  return become({
    task: 'run',
    options: [
      ...['--userns', String(namespace.fd), '--hostname', name, '--uid', String(uid), '--gid', String(gid)],
      ...(options.privateNetwork === true ? ['--private-network'] : []),
      ...attachments.flatMap(({ mount, target }) => ['--mount', `${mount.fd}:${target}`]),
    ],
    command,
    environment: variables,
    keep: [namespace, ...attachments.map(({ mount }) => mount)],
  });
}
