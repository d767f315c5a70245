/** What an operator set, from the file and the command line, checked before anything starts. The services' own schemas make the whole. */
import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { systemTrustFolders } from '../../image/certificates.ts';
import { isSystemError } from '../../native/index.ts';
import { configSchema as allocator } from '../../services/allocator/config.ts';
import { configSchema as gateway } from '../../services/gateway/config.ts';
import { configSchema as lsm } from '../../services/lsm/config.ts';
import { configSchema as mounter } from '../../services/mounter/config.ts';
import { configSchema as verity } from '../../services/verity/config.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

const path = v.pipe(v.string(), v.startsWith('/', 'not an absolute path'), v.maxLength(4095));

const settingsSchema = v.strictObject({
  /** the socket's path; `--socket` goes before it */
  socket: v.optional(path),
  /** the state folder; `--state` goes before it */
  state: v.optional(path),
  gateway: v.optional(gateway, {}),
  allocator: v.optional(allocator, {}),
  verity: v.optional(verity, {}),
  mounter: v.optional(mounter, {}),
  lsm: v.optional(lsm, {}),
});
export type Settings = v.InferOutput<typeof settingsSchema>;

/** Keys that `serve` sets itself: where a service finds something in its own view of the files. */
const own = ['gateway.version', 'allocator.state', 'allocator.trusted_directories', 'verity.store.folder', 'lsm.pins', 'lsm.transient'];

function readable(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    const why = thrown.code === 'ENOENT' ? 'there is no such file' : thrown.message;
    throw new Failure({ what: `the configuration ${file} can't be read`, why, next: 'see --config', exitCode: exitCodes.noInput });
  }
}

/** The line where a dotted key is set, as well as it can be told without a parser that keeps places; undefined where it is not found. */
export function lineOf(text: string, key: string): number | undefined {
  let section = '';
  for (const [index, line] of text.split('\n').entries()) {
    const header = /^\s*\[\[?\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    const name = /^\s*([\w."-]+)\s*=/.exec(line)?.[1];
    section = header ?? section;
    // a method's name is quoted where it is a key
    const here = [section, name]
      .filter((part) => part !== undefined && part !== '')
      .join('.')
      .replaceAll('"', '');
    // a table may also be written in the line of its key: `a = { b = 1 }`
    const set = name === undefined ? header === key : here === key || key.startsWith(`${here}.`);
    if (set) return index + 1;
  }
  return undefined;
}

function wrong(file: string, text: string, key: string, why: string): Failure {
  const line = lineOf(text, key);
  return new Failure({
    what: `${file}${line === undefined ? '' : `:${line}`}: ${key} can't be used`,
    why,
    next: 'packaging/postern.toml shows every key with what it takes',
    exitCode: exitCodes.config,
  });
}

/** True for a table that has this dotted key. */
function has(table: unknown, key: string): boolean {
  const [first = '', ...rest] = key.split('.');
  if (typeof table !== 'object' || table === null || !Object.hasOwn(table, first)) return false;
  return rest.length === 0 || has(Reflect.get(table, first), rest.join('.'));
}

/**
 * Checks the text of a configuration file.
 * @throws {Failure} that names the file, the line and the key
 */
export function parseSettings(text: string, file: string): Settings {
  let table: unknown;
  try {
    table = parse(text);
  } catch (thrown) {
    if (!(thrown instanceof TomlError)) throw thrown;
    const why = thrown.message.split('\n')[0]?.replace('Invalid TOML document: ', '') ?? '';
    throw new Failure({ what: `${file}:${thrown.line}: this is not TOML`, why, exitCode: exitCodes.config });
  }
  const forbidden = own.find((key) => has(table, key));
  if (forbidden !== undefined) throw wrong(file, text, forbidden, 'this is settled by `postern serve` itself');
  const { success, issues, output } = v.safeParse(settingsSchema, table);
  if (success) return output;
  const [issue] = issues;
  const key = v.getDotPath(issue) ?? '(the whole)';
  throw wrong(file, text, key, issue.type === 'strict_object' && issue.expected === 'never' ? 'there is no such key' : reason(issue));
}

/** Of a value that may be of several kinds, the last kind that was tried says most: it is the one with a grammar. */
function reason(issue: v.BaseIssue<unknown>): string {
  return issue.issues?.at(-1)?.message ?? issue.message;
}

/** Everything by default, or what the file says. */
export function readSettings(file: string | undefined): Settings {
  return file === undefined ? v.parse(settingsSchema, {}) : parseSettings(readable(file), file);
}

/** The folders of certificates that verity must see besides the system's usual ones. */
export function furtherTrust({ verity: { trust, system_trust } }: Settings): string[] {
  const usual: readonly string[] = systemTrustFolders;
  return [...new Set([...trust, ...system_trust.filter((folder) => !usual.includes(folder))])];
}
