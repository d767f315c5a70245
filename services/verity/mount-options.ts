/** What a caller may ask of a mount by name: only what takes something away. */

import { printable } from '../../image/bytes.ts';
import { designators } from '../../image/partition-types.ts';
import { PosternError } from '../../mesh/errors.ts';

/** What the options of one partition come to. */
export interface AskedFlags {
  readonly noSuid: boolean;
  readonly noExec: boolean;
}

/** True of every mount here, whether asked for or not. */
const given = new Set(['', 'defaults', 'ro', 'nodev', 'norecovery', 'noload', 'nodiscard']);

/**
 * @param options designator (with underscores or hyphens) to comma-separated options
 * @throws PosternError MOUNT_OPTION, naming the option; INVALID_PARAMETER for a designator that is none
 */
export function parseMountOptions(options: Readonly<Record<string, string>>): ReadonlyMap<string, AskedFlags> {
  const asked = new Map<string, AskedFlags>();
  for (const [key, text] of Object.entries(options)) {
    const name = key.replaceAll('_', '-');
    if (!designators.some((designator) => designator === name))
      throw new PosternError('INVALID_PARAMETER', 'no such partition', 'mountOptions');
    const words = text.split(',').map((word) => word.trim());
    const refused = words.find((word) => !given.has(word) && word !== 'nosuid' && word !== 'noexec');
    if (refused !== undefined) throw new PosternError('MOUNT_OPTION', printable(refused, 64), 'mountOptions');
    asked.set(name, { noSuid: words.includes('nosuid'), noExec: words.includes('noexec') });
  }
  return asked;
}
