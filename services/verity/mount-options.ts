/** What a caller may ask of a mount by name. What a file system may be asked, whoever asks, the mounter decides. */

import { printable } from '../../image/bytes.ts';
import { designators } from '../../image/partition-types.ts';
import { PosternError } from '../../mesh/errors.ts';

/** What the options of one partition come to. */
export interface AskedOptions {
  readonly noSuid: boolean;
  readonly noExec: boolean;
  readonly noSymlinks: boolean;
  /** for the file system itself */
  readonly fileSystem: readonly string[];
}

/**
 * True of every mount that options are given for, which is never one for writing: with options, no image is trusted for its place. What
 * times of access would be noted is moot too.
 */
const given = new Set([
  ...['', 'defaults', 'ro', 'nodev', 'norecovery', 'noload', 'nodiscard', 'nofail'],
  ...['async', 'atime', 'noatime', 'relatime', 'norelatime', 'nodiratime', 'nostrictatime', 'nolazytime'],
]);
/** What takes something away from a mount. */
const flags = { nosuid: 'noSuid', noexec: 'noExec', nosymfollow: 'noSymlinks' } as const;
/** What gives something, or is no option of a new mount. */
const refused = new Set(['rw', 'suid', 'dev', 'exec', 'symfollow', 'remount', 'bind']);
/** What an option of a file system looks like; 128 characters are what the plan has room for. */
const ofFileSystem = /^[a-z][a-z0-9_-]{0,31}(=[\x21-\x7e]{1,90})?$/i;

/**
 * @param options designator (with underscores or hyphens) to comma-separated options
 * @throws PosternError MOUNT_OPTION, naming the option; INVALID_PARAMETER for a designator that is none
 */
export function parseMountOptions(options: Readonly<Record<string, string>>): ReadonlyMap<string, AskedOptions> {
  const asked = new Map<string, AskedOptions>();
  for (const [key, text] of Object.entries(options)) {
    const name = key.replaceAll('_', '-');
    if (!designators.some((designator) => designator === name))
      throw new PosternError('INVALID_PARAMETER', 'no such partition', 'mountOptions');
    asked.set(name, parseWords(text.split(',').map((word) => word.trim())));
  }
  return asked;
}

function parseWords(words: readonly string[]): AskedOptions {
  const taken = { noSuid: false, noExec: false, noSymlinks: false };
  const fileSystem: string[] = [];
  for (const word of words) {
    if (isFlag(word)) taken[flags[word]] = true;
    else if (given.has(word)) continue;
    else if (ofFileSystem.test(word) && !refused.has(word)) fileSystem.push(word);
    else throw new PosternError('MOUNT_OPTION', printable(word, 64), 'mountOptions');
  }
  return { ...taken, fileSystem };
}

function isFlag(word: string): word is keyof typeof flags {
  return Object.hasOwn(flags, word);
}
