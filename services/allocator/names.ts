/**
 * What a namespace may be called. Names end up in user names (`ns-NAME-65535`) and in file names, so the rules are those of the
 * strictest reader: utmp keeps 31 characters of a user name. Pure.
 */
import { PosternError } from '../../mesh/errors.ts';

/** 31 characters of a user name, without `ns-` and `-65535`. */
const maxName = 31 - 'ns-'.length - '-65535'.length;
/** A keyed hash of 64 bits, as far as it fits. */
const hashDigits = 16;

/** Whether a name can stand in a user name and in a file name. */
export function isName(name: string): boolean {
  return name.length <= maxName && /^[A-Za-z0-9_-]+$/.test(name);
}

export interface NameWanted {
  readonly name: string;
  readonly mangle: boolean;
  /** the caller's: root names freely, everybody else under a prefix of his own */
  readonly uid: number;
  /** Hexadecimal digits, at least 16, that only this connection and name give. */
  readonly hash: () => string;
  readonly isTaken: (name: string) => boolean;
}

/**
 * The final name: as asked for, or, where the caller lets it be changed, cut to fit, or else a hash.
 * @throws NAME_INVALID, NAME_EXISTS
 */
export function finalName({ name, mangle, uid, hash, isTaken }: NameWanted): string {
  const prefix = uid === 0 ? '' : `${uid}-`;
  const forms = [() => prefix + name];
  if (mangle)
    forms.push(
      () => (prefix + name).slice(0, maxName),
      () => prefix + hash().slice(0, Math.min(hashDigits, maxName - prefix.length)),
    );
  let taken = false;
  for (const form of forms) {
    const candidate = form();
    if (!isName(candidate) || candidate === prefix) continue;
    if (!isTaken(candidate)) return candidate;
    taken = true;
  }
  if (taken) throw new PosternError('NAME_EXISTS', '', 'name');
  throw new PosternError('NAME_INVALID', '', 'name');
}
