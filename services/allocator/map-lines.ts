/** The lines of a namespace's maps. Pure. */
import { PosternError } from '../../mesh/errors.ts';
import type { IdMapLine, NamespaceMaps } from '../../native/index.ts';
import type { Holding } from './events.ts';
import { containerSize, foreignRange, overlap, rangeAt } from './ids.ts';

/** IDs are 32 bits, and the last one means "none". */
const lastId = 0xffff_fffe;

/** What is to be mapped; `self` says whose own ID, as the parent namespace calls it. */
export interface MapsWanted extends Pick<Holding, 'start' | 'target' | 'targetGroup' | 'unit' | 'delegated' | 'mapForeign'> {
  readonly self: { readonly uid: number; readonly gid: number };
}

/**
 * Both maps, line by line in the ecosystem's order: the range itself, then each delegated one and at last the foreign one, one to
 * one. IDs outside are the parent's; ranges are mapped one to one at every level, so those are the host's as well.
 * @throws INVALID_PARAMETER where the inside of the range would lie on something that is mapped one to one
 */
export function namespaceMaps({ start, target, targetGroup = target, unit, delegated, mapForeign, self }: MapsWanted): NamespaceMaps {
  const oneToOne = [
    ...delegated.map((spare) => line(spare, spare, containerSize)),
    ...(mapForeign ? [line(foreignRange.first, foreignRange.first, containerSize)] : []),
  ];
  for (const inside of [rangeAt(target, unit), rangeAt(targetGroup, unit)]) {
    if (inside.last > lastId || oneToOne.some((other) => overlap(inside, rangeAt(other.inside, other.length)))) {
      throw new PosternError('INVALID_PARAMETER', 'the range does not fit there', 'target');
    }
  }
  return {
    uid: [line(target, start ?? self.uid, unit), ...oneToOne],
    gid: [line(targetGroup, start ?? self.gid, unit), ...oneToOne],
  };
}

/** What an ID of a namespace's parent is called inside of it; undefined where it is not mapped. */
export function insideOf(map: readonly IdMapLine[], outside: number): number | undefined {
  const found = map.find((entry) => outside >= entry.outside && outside < entry.outside + entry.length);
  return found === undefined ? undefined : found.inside + (outside - found.outside);
}

/**
 * What an owner is called in a namespace whose maps begin with the owner's own ID: users and groups alike, and more than one ID from 0 on.
 * Undefined for any other maps.
 */
export function ownIdInside({ uid, gid }: NamespaceMaps, owner: { readonly uid: number; readonly gid: number }): number | undefined {
  const [firstUser, firstGroup] = [uid[0], gid[0]];
  if (firstUser?.outside !== owner.uid || firstGroup?.outside !== owner.gid || uid.length !== gid.length) return undefined;
  const areAlike = uid.every((user, i) => {
    const group = gid[i];
    const apart = group === undefined ? Number.NaN : user.outside - owner.uid - (group.outside - owner.gid);
    return user.inside === group?.inside && user.length === group.length && apart === 0;
  });
  const isOne = uid.length === 1 && firstUser.length === 1;
  return areAlike && (isOne || firstUser.inside === 0) ? firstUser.inside : undefined;
}

/** Whether any ID outside is mapped by both. */
export function shareIds(a: NamespaceMaps, b: NamespaceMaps): boolean {
  return meet(a.uid, b.uid) || meet(a.gid, b.gid);
}

export function isUnmapped({ uid, gid }: NamespaceMaps): boolean {
  return uid.length === 0 && gid.length === 0;
}

function meet(a: readonly IdMapLine[], b: readonly IdMapLine[]): boolean {
  return a.some((x) => b.some((y) => overlap(rangeAt(x.outside, x.length), rangeAt(y.outside, y.length))));
}

function line(inside: number, outside: number, length: number): IdMapLine {
  return { inside, outside, length };
}
