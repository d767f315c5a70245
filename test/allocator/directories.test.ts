/** Whose a directory is, and how its owners appear in a namespace. */
import { describe, expect, it } from 'vitest';
import type { IdMapLine } from '../../native/index.ts';
import { isTrusted, mapMode, mountMaps, type Owners, ownershipOf, rangeOf } from '../../services/allocator/directories.ts';

const peer = { uid: 1000, gid: 100, pid: 1 };
const root = { uid: 0, gid: 0, pid: 1 };
const foreign = 2147352576;
const owners = (uid: number, gid = uid, above: readonly number[] = []): Owners => ({ uid, gid, above: () => above });

describe('a directory', () => {
  it("of the caller's is its own", () => expect(ownershipOf(owners(1000, 5), peer)).toBe('own'));
  it('of root is root’s, of root as a caller too', () => {
    expect(ownershipOf(owners(0), peer)).toBe('root');
    expect(ownershipOf(owners(0), root)).toBe('root');
  });
  it('of the foreign range is foreign where the caller owns one above, within sixteen levels', () => {
    expect(ownershipOf(owners(foreign, foreign, [foreign, 1000]), peer)).toBe('foreign');
    expect(ownershipOf(owners(foreign + 65535, foreign, [...Array<number>(15).fill(0), 1000]), peer)).toBe('foreign');
    expect(ownershipOf(owners(foreign, foreign, [...Array<number>(16).fill(0), 1000]), peer)).toBe('other');
    expect(ownershipOf(owners(foreign, foreign, [1001, 0]), peer)).toBe('other');
  });
  it('with only its user or only its group of the foreign range is somebody else’s', () => {
    expect(ownershipOf(owners(foreign, 1000, [1000]), peer)).toBe('other');
    expect(ownershipOf(owners(foreign + 65536, foreign, [1000]), peer)).toBe('other');
  });
});

describe('who may pass a directory', () => {
  it('its owner, and root', () => {
    const ownerships = ['own', 'foreign', 'root', 'other'] as const;
    expect(ownerships.map((ownership) => isTrusted(ownership, peer))).toEqual([true, true, false, false]);
    expect(ownerships.every((ownership) => isTrusted(ownership, root))).toBe(true);
  });
});

describe('the mode', () => {
  it('auto follows the ownership', () => {
    expect((['own', 'foreign', 'root', 'other'] as const).map((ownership) => mapMode('auto', ownership, false))).toEqual([
      'root',
      'foreign',
      'identity',
      'identity',
    ]);
  });
  it('that is asked for is taken', () => expect(mapMode('foreign', 'own', false)).toBe('foreign'));
  it('for the host is identity, and can be nothing else', () => {
    expect(mapMode('auto', 'own', true)).toBe('identity');
    for (const mode of ['root', 'foreign'] as const) {
      expect(() => mapMode(mode, 'own', true)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER', parameter: 'mode' }));
    }
  });
});

it("root's map is one ID, the caller's own", () => {
  expect(mountMaps('root', peer, 524288)).toEqual({
    uid: [{ inside: 1000, outside: 524288, length: 1 }],
    gid: [{ inside: 100, outside: 524288, length: 1 }],
  });
});

it('the foreign map is the whole range', () => {
  const lines = [{ inside: foreign, outside: 524288, length: 65536 }];
  expect(mountMaps('foreign', peer, 524288)).toEqual({ uid: lines, gid: lines });
});

describe('the range of a namespace', () => {
  const isTransient = (id: number) => id >= 524288 && id < foreign;
  const range = (inside: number, outside: number, length = 65536): IdMapLine => ({ inside, outside, length });
  const startOf = (uid: IdMapLine[], gid = uid) => rangeOf({ uid, gid }, isTransient);
  const first = range(0, 524288);

  it('begins at 0 inside; what follows is one to one', () => {
    expect(startOf([first])).toBe(524288);
    expect(startOf([first, range(655360, 655360), range(foreign, foreign)])).toBe(524288);
  });

  it('is not there in any other map', () => {
    const others: [IdMapLine[], IdMapLine[]?][] = [
      [[]],
      [[range(0, 1000, 1)]],
      [[range(1, 524288)]],
      [[range(0, 524289)]],
      [[range(0, 65536)]],
      [[range(0, foreign)]],
      [[first, range(655360, 720896)]],
      [[first, range(131072, 131072)]],
      [[first], [range(0, 589824)]],
      [[first], [first, range(655360, 655360)]],
    ];
    for (const [uid, gid] of others) {
      expect(() => startOf(uid, gid)).toThrow(expect.objectContaining({ code: 'NAMESPACE_NOT_ONE_RANGE' }));
    }
  });
});
