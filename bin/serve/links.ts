/**
 * The places where stock clients look for systemd's daemons: links to our socket, put there at the start and taken away at the end.
 * Only what points to our own socket is ever taken away. Somebody who is heard at such a place keeps it, unless the operator says otherwise.
 */
import { lstatSync, mkdirSync, readlinkSync, renameSync, type Stats, symlinkSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Descriptor } from '../../mesh/descriptors.ts';
import { isSystemError, native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

/**
 * What stock clients and systemd's socket units name. Clients of the two interfaces have the first two built in; those of the user
 * database go through its folder, and tools that ask what there is go through the registry (systemd 260 and later).
 */
export const places = [
  '/run/systemd/io.systemd.NamespaceResource',
  '/run/systemd/io.systemd.MountFileSystem',
  '/run/systemd/userdb/io.systemd.NamespaceResource',
  '/run/varlink/registry/io.systemd.NamespaceResource',
  '/run/varlink/registry/io.systemd.MountFileSystem',
] as const;

/** Who is at a place: nobody; our own link; a socket or link where nobody is heard; one where somebody is; something else. */
type Holder = 'nobody' | 'ours' | 'dead' | 'live' | 'foreign';

/** A full queue of connections (EAGAIN), or one of another type (EPROTOTYPE), has somebody behind it too. */
const nobodyHears = ['ECONNREFUSED', 'ENOENT', 'ELOOP', 'ENOTSOCK', 'ENOTDIR'];

/** Whether somebody listens: a daemon, or the service manager that would start it. A link is followed. */
function isHeard(path: string): boolean {
  try {
    new Descriptor(native.connect(path)).close();
    return true;
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    return !nobodyHears.includes(thrown.code);
  }
}

/** What is at a path itself, be it a link; nothing where its folder is no folder. */
function look(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (thrown) {
    if (isSystemError(thrown) && thrown.code === 'ENOTDIR') return undefined;
    throw thrown;
  }
}

function isOurs(place: string, facts: Stats, socket: string): boolean {
  return facts.isSymbolicLink() && readlinkSync(place) === socket;
}

function holderOf(place: string, socket: string): Holder {
  const facts = look(place);
  if (facts === undefined) return 'nobody';
  if (isOurs(place, facts, socket)) return 'ours';
  if (!facts.isSymbolicLink() && !facts.isSocket()) return 'foreign';
  return isHeard(place) ? 'live' : 'dead';
}

/** Where an original waits while we have its place. Those who list these folders pass over hidden names. */
const aside = (place: string) => join(dirname(place), `.${basename(place)}.before-postern`);

function refuse(place: string, holder: Holder, force: boolean): void {
  if (holder === 'foreign') {
    const why = 'it is neither a socket nor a link, so nobody of whom Postern knows put it there';
    throw new Failure({ what: `${place} is taken`, why, next: 'see what it is, and move it away', exitCode: exitCodes.failed });
  }
  if (holder !== 'live' || force) return;
  throw new Failure({
    what: `${place} is taken`,
    why: 'somebody listens there: systemd’s own daemon, its socket unit, or another `postern serve`',
    next: 'systemctl mask --now systemd-nsresourced.socket systemd-mountfsd.socket; or move it aside with --force',
    exitCode: exitCodes.failed,
  });
}

/** Puts our link where nothing is, or nothing that anybody needs. Whoever came since we looked keeps the place: symlink(2) replaces nothing. */
function put(place: string, holder: Holder, socket: string): void {
  if (holder === 'ours') return;
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
  if (holder === 'live') renameSync(place, aside(place));
  if (holder === 'dead') unlinkSync(place);
  symlinkSync(socket, place);
}

/** Takes our link away, and puts back what stood there. A place that has become somebody else's is left alone. */
function clear(place: string, socket: string): void {
  const facts = look(place);
  if (facts !== undefined && !isOurs(place, facts, socket)) return;
  const original = aside(place);
  if (look(original) !== undefined) renameSync(original, place);
  else if (facts !== undefined) unlinkSync(place);
}

export interface Links {
  readonly places: readonly string[];
  /** Takes all of them away that are still ours, and puts back what `force` moved aside. May be called again. */
  remove(): void;
}

/**
 * Puts links to a socket at every place, or at none.
 * @param socket absolute path of the socket that we listen on; links that point to it already were left by a life of ours that was killed
 * @param options.force take the place of those who are heard there; they come back at the end, by the end of a later life if this one is killed
 * @param options.root a folder to put before every place, for trying it out
 * @throws {Failure} where a place is taken, or can't be made; nothing has changed then
 */
export function placeLinks(socket: string, { force = false, root = '' }: { force?: boolean; root?: string } = {}): Links {
  const wanted = places.map((place) => root + place);
  const remove = () => {
    for (const place of wanted) clear(place, socket);
  };
  const before = wanted.map((place) => ({ place, holder: holderOf(place, socket) }));
  for (const { place, holder } of before) refuse(place, holder, force);
  try {
    for (const { place, holder } of before) put(place, holder, socket);
  } catch (thrown) {
    remove();
    if (!isSystemError(thrown)) throw thrown;
    const what = 'the links for systemd’s clients can’t be made';
    throw new Failure({ what, why: thrown.message, next: 'see who else writes there', exitCode: exitCodes.cantCreate });
  }
  return { places: wanted, remove };
}
