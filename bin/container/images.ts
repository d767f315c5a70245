/** Which images a container is made of, and where each goes: `FILE`, then `FILE:/PATH`. */
import { constants, openSync, readFileSync } from 'node:fs';
import { basename, posix } from 'node:path';
import { Descriptor } from '../../mesh/descriptors.ts';
import { isSystemError, native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

export interface ImageArgument {
  readonly file: string;
  /** where it goes inside; `/` for the root */
  readonly target: string;
}

/** What every container has of its own there. */
const taken = ['/', '/proc', '/dev'];

function usage(what: string, why?: string, next?: string): Failure {
  return new Failure({ what, ...(why === undefined ? {} : { why }), ...(next === undefined ? {} : { next }), exitCode: exitCodes.usage });
}

/** `FILE:/PATH` in its two parts. A file whose own name has `:/` in it can be named by a path that has not. */
function split(argument: string): { file: string; path: string | undefined } {
  const [, file, path] = /^(.+?):(\/.*)$/.exec(argument) ?? [];
  return file === undefined || path === undefined ? { file: argument, path: undefined } : { file, path: posix.normalize(path) };
}

/**
 * Reads the `--image` arguments: the first is the root.
 * @throws {Failure} for a path that is missing, taken, or wanted twice
 */
export function parseImages(given: readonly string[]): ImageArgument[] {
  const images = given.map((argument, index): ImageArgument => {
    const { file, path } = split(argument);
    const target = path === undefined || path === '/' ? path : path.replace(/\/$/, '');
    if (index === 0) {
      if (target !== undefined && target !== '/') throw usage(`${argument}: the first image is the root`, undefined, 'name the root first');
      return { file, target: '/' };
    }
    if (target === undefined) {
      const why = 'the first image is the root; a further one needs a place in it, which begins with /';
      throw usage(`${argument}: where does it go?`, why, `--image ${file.replace(/:.*/, '')}:/srv`);
    }
    if (taken.includes(target)) throw usage(`${argument}: ${target} is taken`, 'every container has its own there', '--image FILE:/srv');
    return { file, target };
  });
  const twice = images.find(({ target }, index) => images.findIndex((other) => other.target === target) < index);
  if (twice !== undefined) throw usage(`two images can't both go to ${twice.target}`);
  return images;
}

const why: Record<string, string> = { ENOENT: 'there is no such file', EACCES: 'you may not read it', EISDIR: 'it is a folder' };

/** Opens an image for reading. @throws {Failure} when that can't be, or when it is neither a file nor a block device */
export function openImage(file: string): Descriptor {
  try {
    // not to wait for a writer, should it be a named pipe
    const image = new Descriptor(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
    const { type } = native.describe(image.fd);
    if (type === 'regular' || type === 'block') return image;
    image.close();
    const reason = type === 'directory' ? why.EISDIR : 'it is neither a file nor a block device';
    throw new Failure({ what: `${file} can't be an image`, why: `${reason}`, exitCode: exitCodes.noInput });
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    const reason = why[thrown.code] ?? thrown.message;
    throw new Failure({ what: `${file} can't be opened`, why: reason, next: 'see --image', exitCode: exitCodes.noInput });
  }
}

/** The first line of a file, or of standard input (`-`): on the command line everybody could see it. */
export function readPassword(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    const reason = why[thrown.code] ?? thrown.message;
    throw new Failure({ what: `${file} can't be read`, why: reason, next: 'see --password-file', exitCode: exitCodes.noInput });
  }
}

/** A host name out of a file's name: letters, digits and hyphens, at most 63 of them. */
export function hostNameOf(file: string): string {
  const plain = basename(file)
    .replace(/\.(raw|img|erofs|squashfs|ext4)$/, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return plain.slice(0, 63).replace(/-+$/, '') || 'postern';
}
