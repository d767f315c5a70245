/** Whose a directory is, and how its owners appear in a namespace: systemd's rules. Pure. */
import { PosternError } from '../../mesh/errors.ts';
import type { Payload, Peer } from '../../mesh/protocol.ts';
import type { IdMapLine, NamespaceMaps } from '../../native/index.ts';
import { containerSize, foreignRange } from './ids.ts';

export type AskedMode = Payload<'directory.mount'>['mode'];
/** `root`: the caller's own ID is root inside. `foreign`: the foreign range is the namespace's. `identity`: owners stay as they are. */
export type MapMode = Exclude<AskedMode, 'auto'>;

/** How far up a directory of the foreign range may lie below one of its caller. */
export const levelsUp = 16;

/** What the kernel says of a directory. */
export interface Owners {
  readonly uid: number;
  readonly gid: number;
  /** the UIDs that own the directories above it on the same mount; asked only where it matters */
  readonly above: () => readonly number[];
}

export type Ownership = 'own' | 'foreign' | 'root' | 'other';

export function ownershipOf({ uid, gid, above }: Owners, peer: Peer): Ownership {
  if (uid === 0) return 'root';
  if (uid === peer.uid) return 'own';
  // Everyone's image trees belong to the foreign range: whose one is, the directory says that it was made in.
  return isForeign(uid) && isForeign(gid) && above().slice(0, levelsUp).includes(peer.uid) ? 'foreign' : 'other';
}

/** Root may pass any directory, everyone else their own. */
export function isTrusted(ownership: Ownership, peer: Peer): boolean {
  return peer.uid === 0 || ownership === 'own' || ownership === 'foreign';
}

/** @throws INVALID_PARAMETER where the host itself, whose mounts shift nobody, is to have shifted owners */
export function mapMode(asked: AskedMode, ownership: Ownership, isForHost: boolean): MapMode {
  if (isForHost && (asked === 'root' || asked === 'foreign')) {
    throw new PosternError('INVALID_PARAMETER', 'without a user namespace there is nothing to map to', 'mode');
  }
  if (isForHost) return 'identity';
  if (asked !== 'auto') return asked;
  return ownership === 'own' ? 'root' : ownership === 'foreign' ? 'foreign' : 'identity';
}

/**
 * The ID map of a mount, as a user namespace has it: `inside` is what lies on the disk, `outside` what the mount shows.
 * @param start the first ID of the range that the namespace has from 0 on
 */
export function mountMaps(mode: 'root' | 'foreign', peer: Peer, start: number): NamespaceMaps {
  if (mode === 'foreign') {
    const lines = [{ inside: foreignRange.first, outside: start, length: containerSize }];
    return { uid: lines, gid: lines };
  }
  return { uid: [{ inside: peer.uid, outside: start, length: 1 }], gid: [{ inside: peer.gid, outside: start, length: 1 }] };
}

/**
 * The first ID of the one range that a namespace has from 0 on. What else it maps are whole ranges, one to one.
 * @param isTransient whether an ID belongs to the pools
 * @throws NAMESPACE_NOT_ONE_RANGE
 */
export function rangeOf({ uid, gid }: NamespaceMaps, isTransient: (id: number) => boolean): number {
  const [first, ...rest] = uid;
  const isAlike = uid.length === gid.length && uid.every((line, i) => isSame(line, gid[i]));
  const isRange = ({ outside, length }: IdMapLine) => length === containerSize && outside % containerSize === 0;
  const isSpare = (line: IdMapLine) =>
    isRange(line) && line.inside === line.outside && (isTransient(line.outside) || isForeign(line.outside));
  if (first === undefined || !isAlike || first.inside !== 0 || !isRange(first) || !isTransient(first.outside) || !rest.every(isSpare)) {
    throw new PosternError('NAMESPACE_NOT_ONE_RANGE');
  }
  return first.outside;
}

function isForeign(id: number): boolean {
  return id >= foreignRange.first && id <= foreignRange.last;
}

function isSame(a: IdMapLine, b: IdMapLine | undefined): boolean {
  return a.inside === b?.inside && a.outside === b.outside && a.length === b.length;
}
