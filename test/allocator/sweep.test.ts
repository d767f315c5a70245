/** The sweep costs the same however many there are, and misses nobody. */
import { expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import type { Holding } from '../../services/allocator/events.ts';
import { Sweep, sliceEveryMs, sliceSize } from '../../services/allocator/sweep.ts';

const holding = (namespace: string): Holding => ({
  namespace,
  handle: null,
  name: namespace,
  owner: 1000,
  group: 1000,
  parent: null,
  type: 'managed',
  unit: 65536,
  start: 524288,
  target: 0,
  delegated: [],
  mapForeign: false,
  guarded: true,
  mapped: true,
  interfaces: [],
  controlGroups: [],
  ended: false,
});

function sweeping(count: number) {
  const all = new Map(Array.from({ length: count }, (_, i) => [`id:${i}`, holding(`id:${i}`)]));
  const dead = new Set<string>();
  const looked: string[] = [];
  const clock = new SimulatedClock();
  const isGone = ({ namespace }: Holding) => {
    looked.push(namespace);
    return dead.has(namespace);
  };
  const sweep = new Sweep({ clock, holdings: () => all.values(), isGone, gone: ({ namespace }) => void all.delete(namespace) });
  sweep.start();
  return { all, dead, looked, clock, sweep };
}

it('looks at a slice at a time', () => {
  const { looked, clock } = sweeping(sliceSize * 3);
  clock.advance(sliceEveryMs);
  expect(looked).toHaveLength(sliceSize);
  clock.advance(sliceEveryMs);
  expect(looked).toHaveLength(sliceSize * 2);
});

it('finds everyone who ended within a round, while others come and go', () => {
  const { all, dead, clock } = sweeping(sliceSize * 3);
  for (let i = 0; i < sliceSize * 3; i += 2) dead.add(`id:${i}`);
  clock.advance(sliceEveryMs);
  all.set('id:late', holding('id:late'));
  dead.add('id:late');
  clock.advance(sliceEveryMs * 5);
  expect([...all.keys()].filter((name) => dead.has(name))).toEqual([]);
  expect(all.size).toBe((sliceSize * 3) / 2);
});

it('stops when it is told to', () => {
  const { looked, clock, sweep } = sweeping(1);
  sweep.stop();
  clock.advance(10_000);
  expect(looked).toEqual([]);
  expect(clock.pending).toBe(0);
});
