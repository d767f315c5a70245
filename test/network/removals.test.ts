/** What is removed when a namespace ended, what is not, and in which order. */
import { expect, it } from 'vitest';
import { addressOf } from '../../services/network/addresses.ts';
import { LinkError } from '../../services/network/links.ts';
import type { Link } from '../../services/network/netlink/link.ts';
import { type RemovalParts, Removals } from '../../services/network/removals.ts';
import { recordingLog } from '../support/mesh.ts';

const named = (name: string) => ({ name, alternative: `long-${name}` });
const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  ...{ index, name, kind: 'veth', alias: 'postern:id:7', address: addressOf(name, 'host'), peerNamespace: 1 },
  ...more,
});

/** A host with some interfaces, by any of their names; `turns` holds what waits for its turn. */
function host(links: Record<string, Link>, fails: readonly number[] = []) {
  const removed: number[] = [];
  const done: [string, boolean][] = [];
  const turns: (() => void)[] = [];
  const kernel: RemovalParts['links'] = {
    find: (name) => links[name] ?? null,
    remove(index) {
      if (fails.includes(index)) throw new LinkError('EBUSY', 'RTM_DELLINK', null);
      removed.push(index);
      for (const [name, each] of Object.entries(links)) if (each.index === index) delete links[name];
    },
  };
  const { log } = recordingLog('network');
  const removals = new Removals({
    links: kernel,
    log,
    done: (...told) => void done.push(told),
    later: (action) => void turns.push(action),
  });
  const run = () => {
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) turn();
  };
  return { removals, removed, done, turns, run };
}

it('what has the namespace’s label is removed, and what is gone already is fine', () => {
  const { removals, removed, done, run } = host({ a: link(1, 'a') });
  removals.add({ namespace: 'id:7', interfaces: [named('a'), named('b')] });
  run();
  expect([removed, done]).toEqual([[1], [['id:7', true]]]);
});

it('what has another label is let alone: a name is no proof', () => {
  const { removals, removed, done, run } = host({
    a: link(1, 'a', { alias: 'postern:id:8' }),
    b: link(2, 'b', { alias: 'the administrator’s' }),
  });
  removals.add({ namespace: 'id:7', interfaces: [named('a'), named('b')] });
  run();
  expect([removed, done]).toEqual([[], [['id:7', true]]]);
});

it('what has no label yet is removed where it has the address that only we give it', () => {
  const { removals, removed, run } = host({
    a: link(1, 'a', { alias: null }),
    b: link(2, 'b', { alias: null, address: new Uint8Array(6) }),
  });
  removals.add({ namespace: 'id:7', interfaces: [named('a'), named('b')] });
  run();
  expect(removed).toEqual([1]);
});

it('what somebody renamed is found by its longer name', () => {
  const { removals, removed, run } = host({ 'long-a': link(1, 'renamed') });
  removals.add({ namespace: 'id:7', interfaces: [named('a')] });
  run();
  expect(removed).toEqual([1]);
});

it('what could not be removed is told, and the rest goes on', () => {
  const { removals, removed, done, run } = host({ a: link(1, 'a'), b: link(2, 'b') }, [1]);
  removals.add({ namespace: 'id:7', interfaces: [named('a'), named('b')] });
  removals.add({ namespace: 'id:8', interfaces: [] });
  run();
  expect([removed, done]).toEqual([
    [2],
    [
      ['id:7', false],
      ['id:8', true],
    ],
  ]);
});

it('one is removed at a time, so that others get their turn between', () => {
  const { removals, removed, turns } = host({ a: link(1, 'a'), b: link(2, 'b') });
  removals.add({ namespace: 'id:7', interfaces: [named('a'), named('b')] });
  removals.add({ namespace: 'id:8', interfaces: [named('c')] });
  expect([removed.length, turns.length]).toEqual([0, 1]);
  turns.shift()?.();
  expect([removed.length, turns.length]).toEqual([1, 1]);
});
