/** The pure rules: names, shares, lines of a map, configuration. */
import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../services/allocator/config.ts';
import { places } from '../../services/allocator/ids.ts';
import { isWithinShare } from '../../services/allocator/limits.ts';
import { insideOf, namespaceMaps, shareIds } from '../../services/allocator/map-lines.ts';
import { finalName, isName } from '../../services/allocator/names.ts';

describe('names', () => {
  const base = { mangle: false, uid: 1000, hash: () => '0123456789abcdef0123456789abcdef', isTaken: () => false };

  it("carry the caller's uid, except for root", () => {
    expect(finalName({ ...base, name: 'box' })).toBe('1000-box');
    expect(finalName({ ...base, name: 'box', uid: 0 })).toBe('box');
  });

  it('fit a user name together with what the database puts around them', () => {
    expect(finalName({ ...base, name: 'a'.repeat(17) })).toHaveLength(22);
    expect(() => finalName({ ...base, name: 'a'.repeat(18) })).toThrow(
      expect.objectContaining({ code: 'NAME_INVALID', parameter: 'name' }),
    );
  });

  for (const name of ['', 'a b', 'a/b', '..', 'a:b', 'é', 'a\n', 'a\0']) {
    it(`refuse ${JSON.stringify(name)}`, () => {
      expect(() => finalName({ ...base, name })).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }));
    });
  }

  it('are cut when the caller lets them be changed, and hashed when that does not help', () => {
    expect(finalName({ ...base, mangle: true, name: 'nspawn-4711-a-long-machine-name' })).toBe('1000-nspawn-4711-a-lon');
    expect(finalName({ ...base, mangle: true, name: 'größer' })).toBe('1000-0123456789abcdef');
    const taken = new Set(['1000-box']);
    expect(finalName({ ...base, mangle: true, name: 'box', isTaken: (name) => taken.has(name) })).toBe('1000-0123456789abcdef');
  });

  it('that are taken are refused as such', () => {
    expect(() => finalName({ ...base, name: 'box', isTaken: () => true })).toThrow(expect.objectContaining({ code: 'NAME_EXISTS' }));
  });

  it('are valid whatever is asked for, also for the largest uid', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(0, 1000, 0xffff_fffe), (name, uid) => {
        expect(isName(finalName({ ...base, mangle: true, name, uid }))).toBe(true);
      }),
    );
  });
});

describe('a share', () => {
  it('leaves something for the next, however many have taken all that they may', () => {
    const total = 28_664;
    let used = 0;
    for (let user = 0; user < 6; user++) {
      const most = Math.floor(0.75 * (total - used));
      const counts = { total, held: used, burnt: 0, unused: 0, reserved: 0, clean: 0 };
      expect(isWithinShare(counts, 0, most, 0.75)).toBe(true);
      expect(isWithinShare(counts, 0, most + 1, 0.75)).toBe(false);
      used += most;
      expect(used).toBeLessThan(total);
    }
  });

  it('counts what is burnt like what is held', () => {
    const counts = { total: 100, held: 30, burnt: 40, unused: 30, reserved: 0, clean: 0 };
    expect(isWithinShare(counts, 70, 5, 0.75)).toBe(true);
    expect(isWithinShare(counts, 70, 6, 0.75)).toBe(false);
  });
});

describe('map lines', () => {
  const base = {
    start: 589824,
    target: 0,
    unit: 65536 as const,
    delegated: [655360, 786432],
    mapForeign: true,
    self: { uid: 1000, gid: 100 },
  };

  it('are the range, the delegated ones and the foreign one, in this order', () => {
    const { uid, gid } = namespaceMaps(base);
    expect(uid).toEqual([
      { inside: 0, outside: 589824, length: 65536 },
      { inside: 655360, outside: 655360, length: 65536 },
      { inside: 786432, outside: 786432, length: 65536 },
      { inside: 2147352576, outside: 2147352576, length: 65536 },
    ]);
    expect(gid).toEqual(uid);
  });

  it("of type self are the caller's own IDs", () => {
    const { uid, gid } = namespaceMaps({ ...base, start: null, unit: 1, delegated: [], mapForeign: false });
    expect([uid, gid]).toEqual([[{ inside: 0, outside: 1000, length: 1 }], [{ inside: 0, outside: 100, length: 1 }]]);
  });

  for (const target of [655360 - 1, 786432 + 65535, 2147352576, 0xffff_fffe, 0xffff_ffff - 65535]) {
    it(`refuse the inside ${target}, where something else lies or the IDs end`, () => {
      expect(() => namespaceMaps({ ...base, target })).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER', parameter: 'target' }));
    });
  }

  it('reach up to the last ID', () => {
    expect(namespaceMaps({ ...base, target: 0xffff_ffff - 65536 }).uid[0]?.inside).toBe(4294901759);
  });

  it('translate an ID to the inside', () => {
    const { uid } = namespaceMaps(base);
    expect([589824, 655359, 655360, 1000].map((id) => insideOf(uid, id))).toEqual([0, 65535, 655360, undefined]);
  });

  it('tell whether two namespaces have an ID in common', () => {
    const other = namespaceMaps({ ...base, start: 786432, delegated: [], mapForeign: false });
    expect(shareIds(namespaceMaps(base), other)).toBe(true);
    expect(shareIds(namespaceMaps({ ...base, delegated: [], mapForeign: false }), other)).toBe(false);
    expect(shareIds({ uid: [], gid: [] }, other)).toBe(false);
  });
});

describe('the configuration', () => {
  it("has the ecosystem's pools when nothing is said", () => {
    const { pools, single_pools } = v.parse(configSchema, {});
    expect([...places(pools, 65536)]).toHaveLength(28_664);
    expect([...places(single_pools, 1)]).toHaveLength(4_336);
  });

  it('takes a pool above 2^31, and leaves the foreign range out', () => {
    const { pools } = v.parse(configSchema, { pools: [{ first: 2147287040, last: 4294901759 }] });
    const starts = [...places(pools, 65536)];
    expect(starts.slice(0, 3)).toEqual([2147287040, 2147418112, 2147483648]);
    expect(starts.at(-1)).toBe(4294836224);
  });

  const wrong: Record<string, unknown> = {
    'an unaligned pool': { pools: [{ first: 524289, last: 589824 }] },
    'half a range': { pools: [{ first: 524288, last: 589822 }] },
    'pools that overlap': {
      pools: [
        { first: 524288, last: 655359 },
        { first: 589824, last: 655359 },
      ],
    },
    "the host's users": { pools: [{ first: 0, last: 65535 }] },
    'the last ID': { pools: [{ first: 4294901760, last: 4294967295 }] },
    'an end before the start': { pools: [{ first: 655360, last: 589823 }] },
    'no pool': { pools: [] },
    nobody: { single_pools: [{ first: 65000, last: 65534 }] },
    'single IDs among containers': { single_pools: [{ first: 524288, last: 524300 }] },
    'too many single IDs': { pools: [{ first: 2147483648, last: 2147549183 }], single_pools: [{ first: 65536, last: 196607 }] },
    'a share above one': { share_per_user: 1.5 },
    'a word that is not known': { pool: [] },
  };
  for (const [name, config] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => {
      expect(v.safeParse(configSchema, config).success).toBe(false);
    });
  }
});
