/** Namespaces in namespaces, served by the same code from the ranges that their parents have to spare. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const test = it.skipIf(!isRoot);
const shells: Shell[] = [];
const kept = (shell: Shell) => {
  shells.push(shell);
  return shell;
};
let desk: Desk;
beforeEach(() => {
  desk = openDesk();
});
afterEach(async () => {
  for (const shell of shells.splice(0).reverse()) await shell.end();
  desk[Symbol.dispose]();
});

const below = async (outer: Shell) => kept(await Shell.inside(outer, ['unshare', '--user']));
/** The UID that root of a namespace is to the host: who asks for a range for a namespace below it. */
const hostIdOf = async (shell: Shell) => Number((await shell.ask('cat /proc/self/uid_map')).trim().split(/\s+/)[1]);
/** The lines of its map as the host reads them. */
function hostMap(shell: Shell): number[][] {
  const text = readFileSync(`/proc/${shell.pid}/uid_map`, 'utf8').trimEnd();
  return text === '' ? [] : text.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
}

async function give(shell: Shell, uid: number, wanted: Parameters<Desk['allocate']>[1] = {}) {
  return desk.allocate(shell, { peer: { uid, gid: uid, pid: process.pid }, mangleName: true, ...wanted });
}

test('three levels deep, each gets its range out of what the one above has to spare', async () => {
  const first = kept(await Shell.start(1000));
  expect(await give(first, 1000, { delegateContainerRanges: 6, mapForeign: true })).toHaveProperty('name');
  const [[, firstBase = 0] = [], ...firstSpare] = hostMap(first);

  const second = await below(first);
  expect(await give(second, firstBase, { delegateContainerRanges: 3, mapForeign: true })).toHaveProperty('name');
  const [[, secondBase = 0] = [], ...secondSpare] = hostMap(second);
  expect(firstSpare.map(([inside]) => inside)).toEqual(expect.arrayContaining([secondBase, ...secondSpare.map(([inside]) => inside)]));

  const third = await below(second);
  expect(await give(third, secondBase, { delegateContainerRanges: 1 })).toHaveProperty('name');
  const [[, thirdBase = 0] = [], [thirdSpare = 0] = []] = hostMap(third);
  expect(secondSpare.map(([inside]) => inside)).toEqual(expect.arrayContaining([thirdBase, thirdSpare]));

  const fourth = await below(third);
  expect(await give(fourth, thirdBase)).toHaveProperty('name');
  expect(hostMap(fourth)).toEqual([[0, thirdSpare, 65536]]);
  const root = await Shell.inside(fourth);
  expect(await root.ask('id -u')).toBe('0');
  await root.end();
  expect(desk.status()).toMatchObject({ namespaces: 4, containers: { held: 7 } });
});

test('a parent without ranges to spare has none to give', async () => {
  const first = kept(await Shell.start(1000));
  await give(first, 1000);
  const second = await below(first);
  expect(await give(second, await hostIdOf(first))).toMatchObject({ code: 'RANGE_NOT_DELEGATED' });
});

test('a parent gives no more than it has, no single IDs, and the foreign range only where it has that', async () => {
  const first = kept(await Shell.start(1000));
  await give(first, 1000, { delegateContainerRanges: 1 });
  const base = await hostIdOf(first);
  const second = await below(first);
  expect(await give(second, base, { delegateContainerRanges: 1 })).toMatchObject({ code: 'RANGES_USED_UP' });
  expect(await give(second, base, { size: 1 })).toMatchObject({ code: 'RANGE_NOT_DELEGATED' });
  expect(await give(second, base, { mapForeign: true })).toMatchObject({ code: 'RANGE_NOT_DELEGATED' });
  expect(await give(second, base)).toHaveProperty('name');
});

test("type self maps the caller's own ID as the parent calls it", async () => {
  const first = kept(await Shell.start(1000));
  await give(first, 1000, { delegateContainerRanges: 1 });
  const user = (await hostIdOf(first)) + 5;
  const second = kept(await Shell.inside(first, ['unshare', '--user'], 5));
  expect(await give(second, user, { type: 'self', size: 1 })).toHaveProperty('name');
  expect(hostMap(second)).toEqual([[0, user, 1]]);
  const itself = kept(await Shell.inside(first, ['unshare', '--user'], 5));
  expect(await give(itself, user, { type: 'self', size: 1, target: null })).toHaveProperty('name');
  expect(hostMap(itself)).toEqual([[5, user, 1]]);
  const third = kept(await Shell.inside(first, ['unshare', '--user']));
  expect(await give(third, 0, { type: 'self', size: 1 })).toMatchObject({ code: 'RANGE_NOT_DELEGATED' });
});

test("a stranger's namespace below somebody's node is not the stranger's to map", async () => {
  const first = kept(await Shell.start(1000));
  await give(first, 1000, { delegateContainerRanges: 2 });
  const second = await below(first);
  expect(await give(second, 1000)).toMatchObject({ code: 'NAMESPACE_NOT_YOURS' });
});

test('what a child used unguarded, no sibling gets, and its parent takes it to the grave', async () => {
  const first = kept(await Shell.start(1000));
  await give(first, 1000, { delegateContainerRanges: 1 });
  const base = await hostIdOf(first);
  const second = await below(first);
  await give(second, base);
  await second.end();
  while (desk.status().namespaces !== 1) await new Promise((resolve) => setTimeout(resolve, 10));
  const third = await below(first);
  expect(await give(third, base)).toMatchObject({ code: 'RANGES_USED_UP' });
  await third.end();
  await first.end();
  while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(desk.status()).toMatchObject({ containers: { held: 0, burnt: 2 } });
});
