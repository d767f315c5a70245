/** A pool: every range is in one state, no range has two holders, and reuse comes as late as it can. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pool } from '../../services/allocator/pool.ts';
import { chance } from './support/chance.ts';

const size = 40;
const places = Array.from({ length: size }, (_, i) => (i + 8) * 65536);

describe('drawing', () => {
  it('gives every range of the pool once before any of them twice', () => {
    fc.assert(
      fc.property(chance, (random) => {
        const pool = new Pool(places);
        const seen = new Set<number>();
        for (let i = 0; i < size; i++) {
          const [start] = pool.choose(1, random);
          if (start === undefined) throw new Error('the pool ran dry too early');
          expect(seen.has(start)).toBe(false);
          seen.add(start);
          pool.hold(start, 1000);
          pool.free(start);
        }
        expect([...seen].sort((a, b) => a - b)).toEqual(places);
      }),
    );
  });

  it('then gives the least recently freed', () => {
    fc.assert(
      fc.property(chance, fc.shuffledSubarray(places, { minLength: size }), (random, order) => {
        const pool = new Pool(places);
        for (const start of places) pool.hold(start, 1000);
        for (const start of order) pool.free(start);
        for (const expected of order) {
          expect(pool.choose(1, random)).toEqual([expected]);
          pool.hold(expected, 1000);
        }
        expect(pool.choose(1, random)).toEqual([]);
      }),
    );
  });

  it('favours no place', () => {
    const hits = new Map<number, number>();
    const rounds = 20_000;
    for (let i = 0; i < rounds; i++) {
      const [start = 0] = new Pool(places).choose(1, (below) => Math.floor(Math.random() * below));
      hits.set(start, (hits.get(start) ?? 0) + 1);
    }
    // 500 expected for each, with a standard deviation of 22: eight of them apart is no accident.
    for (const start of places) expect(Math.abs((hits.get(start) ?? 0) - rounds / size)).toBeLessThan(180);
  });

  it('chooses different ranges for one holder', () => {
    fc.assert(
      fc.property(chance, fc.integer({ min: 0, max: size + 5 }), (random, count) => {
        const chosen = new Pool(places).choose(count, random);
        expect(new Set(chosen).size).toBe(Math.min(count, size));
      }),
    );
  });
});

describe('states', () => {
  /** What can be done with a pool, as data. */
  const step = fc.oneof(
    fc.record({ do: fc.constant('hold' as const), count: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ do: fc.constant('reserve' as const), count: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ do: fc.constantFrom('free' as const, 'burn' as const, 'undo' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('reopen' as const), keep: fc.integer({ min: 1, max: size }) }),
  );

  it('add up whatever happens, and a burnt range never comes back by itself', () => {
    fc.assert(
      fc.property(chance, fc.array(step, { maxLength: 120 }), (random, steps) => {
        let pool = new Pool(places);
        const held: number[] = [];
        const burnt = new Set<number>();
        for (const action of steps) {
          if (action.do === 'hold') {
            for (const start of pool.choose(action.count, random)) {
              expect(held).not.toContain(start);
              expect(burnt.has(start)).toBe(false);
              pool.hold(start, 1000);
              held.push(start);
            }
          } else if (action.do === 'reserve') {
            for (const start of pool.chooseToReserve(action.count, random)) pool.reserve(start);
          } else if (action.do === 'reopen') {
            // The same books with another configuration, and back again.
            const narrow = new Pool(places.slice(0, action.keep));
            narrow.load(pool.books());
            for (const start of held) narrow.hold(start, 1000);
            const wide = new Pool(places);
            wide.load(narrow.books());
            for (const start of held) wide.hold(start, 1000);
            pool = wide;
          } else if (held.length > 0) {
            const [start = 0] = held.splice(action.which % held.length, 1);
            if (action.do === 'free') pool.free(start);
            else if (action.do === 'undo') pool.undo(start, action.which % 2 === 0);
            else {
              pool.burn(start, 1);
              burnt.add(start);
            }
          }
          const counts = pool.counts();
          expect(counts.held).toBe(held.length);
          expect(counts.burnt).toBe(burnt.size);
          expect(counts.unused + counts.reserved + counts.clean + counts.held + counts.burnt).toBe(size);
          expect(pool.usedBy(1000)).toBe(held.length + burnt.size);
        }
      }),
    );
  });

  it('refuses a second holder, and a holder of what is burnt', () => {
    const pool = new Pool(places);
    pool.hold(524288, 1000);
    expect(() => pool.hold(524288, 1001)).toThrow('two holders');
    pool.burn(524288, 1);
    expect(() => pool.hold(524288, 1001)).toThrow('burnt');
    expect(() => pool.free(524288)).toThrow('was not held');
  });

  it('keeps what a narrower configuration no longer offers, without giving it out', () => {
    const pool = new Pool(places);
    pool.hold(524288, 1000);
    pool.free(524288);
    const narrow = new Pool(places.slice(1));
    narrow.load(pool.books());
    expect(narrow.choose(size, () => 0)).not.toContain(524288);
    expect(narrow.books().clean).toEqual([524288]);
  });
});
