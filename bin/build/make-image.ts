/** Makes a signed disk image: file system, hash tree, signature, partition table, in this order. */
import { createHash } from 'node:crypto';
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { toHex } from '../../image/bytes.ts';
import { composeImage } from '../../image/compose.ts';
import { uuidFrom } from '../../image/guid.ts';
import { type Architecture, architectureOf } from '../../image/partition-types.ts';
import { buildTree } from '../../image/verity-build.ts';
import { isSystemError, native } from '../../native/index.ts';
import type { BuildOptions, Format } from '../commands/build.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';
import { makeFileSystem } from './file-system.ts';
import { openFile, padToBlocks, writeImage } from './image-file.ts';
import { readSigner } from './signer.ts';

/** Of data and hash blocks alike: the page size of most machines, and what dm-verity is fastest with. */
const blockSize = 4096;
/** What a partition's name has room for. */
const maxLabel = 36;

export type ImageOptions = Omit<BuildOptions, 'json'>;

/** What was made; sizes in bytes. */
export interface Made {
  readonly image: string;
  readonly name: string;
  readonly architecture: Architecture;
  readonly format: Format;
  readonly dataSize: number;
  readonly imageSize: number;
  readonly treeSize: number;
  readonly rootHash: string;
  readonly signer: { readonly subject: string; readonly fingerprint: string };
}

/** Hears how far the work is: so many bytes of a total, which is 0 where nobody knows. */
export type Show = (what: string, done: number, total: number) => void;

/**
 * Makes the image.
 * @throws Failure in words for the person at the keyboard
 */
export async function makeImage(dir: string, out: string, options: ImageOptions, show: Show): Promise<Made> {
  const architecture = thisArchitecture();
  const { directory, output } = checkPlaces(dir, out);
  const signer = readSigner(options.key, options.cert);
  const name = options.name ?? basename(output).replace(/\.raw$/, '');
  if (name === '' || name.length > maxLabel) throw usage(`the name "${name}" must have 1 to ${maxLabel} characters`, 'see --name');
  const owners = options.owners ?? (process.geteuid?.() === 0 ? 'keep' : 'root');
  if (options.format === 'ext4' && owners === 'root' && process.geteuid?.() === 0)
    throw usage('ext4 can be given to root only by its files’ owner', 'use --owners keep, or another --format');

  return inTemporaryFolder(output, async (folder, signal) => {
    const file = join(folder, 'data');
    show(`making ${options.format}`, 0, 0);
    const seed = seedOf(name, options.format);
    await makeFileSystem({
      format: options.format,
      directory,
      output: file,
      uuid: uuidFrom(seed('file system')),
      time: timeOf(directory),
      owners,
      signal,
    });
    const dataSize = await padToBlocks(file, blockSize);
    await using data = await openFile(file);
    const superblock = {
      uuid: uuidFrom(seed('hash tree')),
      algorithm: 'sha256' as const,
      salt: seed('salt'),
      dataBlockSize: blockSize,
      hashBlockSize: blockSize,
      dataBlocks: dataSize / blockSize,
    };
    const tree = await buildTree(data.reader, superblock, native.hashBlocks, (done) => {
      signal.throwIfAborted();
      show('hashing', done, dataSize);
    });
    const ofImage = seedOf(toHex(tree.rootHash), 'image');
    const document = signer.sign(tree.rootHash);
    const image = composeImage(architecture, uuidFrom(ofImage('disk')), [
      { designator: 'root', label: name, dataSize, tree, document, signatureUuid: uuidFrom(ofImage('signature')) },
    ]);
    await writeImage(join(folder, 'image'), output, image, data.reader, (done) => show('writing', done, dataSize), signal);
    const { subject, fingerprint } = signer;
    return {
      ...{ image: output, name, architecture, format: options.format },
      ...{ dataSize, imageSize: image.size, treeSize: tree.device.length, rootHash: toHex(tree.rootHash) },
      signer: { subject, fingerprint },
    };
  });
}

function thisArchitecture(): Architecture {
  const architecture = architectureOf(process.arch);
  if (architecture === null) throw new Failure({ what: `no partition type is known for ${process.arch}`, exitCode: exitCodes.unavailable });
  return architecture;
}

/** Both places as absolute paths, once it is clear that the one can be read and the other be made. */
function checkPlaces(dir: string, out: string): { directory: string; output: string } {
  const directory = realFolder(dir, exitCodes.noInput);
  const output = join(realFolder(dirname(resolve(out)), exitCodes.cantCreate), basename(resolve(out)));
  if (`${output}${sep}`.startsWith(`${directory}${sep}`))
    throw usage(`${out} lies inside of ${dir}, which is to be its content`, 'put the image elsewhere');
  const there = lstatSync(output, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile())
    throw new Failure({ what: `${out} is there and no file`, next: 'name another file', exitCode: exitCodes.cantCreate });
  return { directory, output };
}

function realFolder(path: string, exitCode: typeof exitCodes.noInput | typeof exitCodes.cantCreate): string {
  try {
    const real = realpathSync(path);
    if (statSync(real).isDirectory()) return real;
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    throw new Failure({ what: `the folder ${path} can't be used`, why: thrown.message, exitCode });
  }
  throw new Failure({ what: `${path} is not a folder`, exitCode });
}

/** Bytes that depend on nothing but the words they are made from: what makes the same input give the same image. */
function seedOf(...words: readonly string[]): (purpose: string) => Uint8Array {
  return (purpose) =>
    createHash('sha256')
      .update(['postern', ...words, purpose].join('\0'))
      .digest();
}

/** https://reproducible-builds.org/specs/source-date-epoch: else the time of the folder itself. */
function timeOf(directory: string): number {
  const epoch = process.env.SOURCE_DATE_EPOCH;
  if (epoch === undefined || epoch === '') return Math.floor(statSync(directory).mtimeMs / 1000);
  if (!/^\d{1,10}$/.test(epoch)) throw usage(`SOURCE_DATE_EPOCH is no time: ${epoch}`, 'give it in seconds since 1970');
  return Number(epoch);
}

/** Runs work with a folder beside the output, so that a rename is enough; the folder is gone afterwards, also after ctrl-C. */
async function inTemporaryFolder<T>(output: string, work: (folder: string, signal: AbortSignal) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    folder = await mkdtemp(join(dirname(output), '.postern-build-'));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Failure({ what: `nothing can be made in ${dirname(output)}`, why, exitCode: exitCodes.cantCreate });
  }
  const stopped = new AbortController();
  let by: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    by = signal;
    stopped.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  try {
    return await work(folder, stopped.signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, stop);
    // as anybody expects of a program that was told to stop
    if (by !== undefined) process.kill(process.pid, by);
  }
}

function usage(what: string, next: string): Failure {
  return new Failure({ what, next, exitCode: exitCodes.usage });
}
