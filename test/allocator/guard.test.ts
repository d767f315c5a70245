/** Where the kernel enforces the policy: it is in force before the first ID is mapped, and ranges come back when their namespace ends. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedClock, systemClock } from '../../mesh/clock.ts';
import type { ErrorCode } from '../../mesh/errors.ts';
import { native } from '../../native/index.ts';
import { type Answer, type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const oneRange = { pools: [{ first: 524288, last: 589823 }], share_per_user: 1 };
const test = it.skipIf(!isRoot);
const shells: Shell[] = [];
const shellOf = async (uid = 1000) => {
  const shell = await Shell.start(uid);
  shells.push(shell);
  return shell;
};
let desk: Desk;

beforeEach(async () => {
  desk = openDesk(oneRange);
  await desk.policy(true);
});
afterEach(async () => {
  for (const shell of shells.splice(0)) await shell.end();
  desk[Symbol.dispose]();
});

const mapOf = (shell: Shell) => shell.ask('cat /proc/self/uid_map');

/** Asks for a range up to the word of the lsm service, and closes what that would hold. */
async function ask(shell: Shell): Promise<{ request: number; namespace: string }> {
  expect(await desk.allocate(shell)).toBe('waiting');
  const { payload, descriptors } = desk.fake.take('range.restrict');
  for (const descriptor of descriptors) descriptor.close();
  return payload;
}

/** The lsm service's word, and what comes of it. */
async function tell(payload: { request: number; namespace: string }, refusal: ErrorCode | null = null): Promise<Answer> {
  await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal });
  return desk.answer(payload.request);
}

test('nothing is mapped before the lsm service has restricted the namespace', async () => {
  const shell = await shellOf();
  const asked = await ask(shell);
  expect(await mapOf(shell)).toBe('');
  expect(desk.status()).toMatchObject({ mode: 'recycling', namespaces: 1, underWay: 1 });
  expect(await tell(asked)).toHaveProperty('name');
  expect(await mapOf(shell)).not.toBe('');
});

test('the lsm service hears whether a namespace is to hold IDs of the pools', async () => {
  const own = { type: 'self', size: 1 } as const;
  for (const [call, restriction] of [
    [{}, { transient: true, denySetgroups: false }],
    [own, { transient: false, denySetgroups: true }],
    [
      { ...own, delegateContainerRanges: 1 },
      { transient: true, denySetgroups: true },
    ],
  ] as const) {
    const shell = await shellOf();
    expect(await desk.allocate(shell, call)).toBe('waiting');
    const { payload, descriptors } = desk.fake.take('range.restrict');
    for (const descriptor of descriptors) descriptor.close();
    expect(payload).toMatchObject(restriction);
    await tell(payload, 'SERVICE_UNAVAILABLE');
  }
});

test('a refusal of the lsm service ends the request with its code, and the range is free again', async () => {
  const shell = await shellOf();
  expect(await tell(await ask(shell), 'SERVICE_UNAVAILABLE')).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
  expect(await mapOf(shell)).toBe('');
  expect(desk.status()).toMatchObject({ namespaces: 0, underWay: 0 });
  expect(await tell(await ask(shell))).toHaveProperty('name');
});

test('when the lsm service dies, what waited for it is undone and its late word changes nothing', async () => {
  const shell = await shellOf();
  const asked = await ask(shell);
  desk.fake.peerDown('lsm');
  expect(desk.status()).toMatchObject({ namespaces: 0, underWay: 0 });
  desk.fake.peerUp('lsm');
  expect(await tell(asked)).toBe('waiting');
  expect(desk.fake.take('namespace.release').payload).toEqual({ namespace: asked.namespace });
  expect(await mapOf(shell)).toBe('');
});

test('an lsm service that never answers holds a range no longer than the gateway waits', async () => {
  const clock = new SimulatedClock();
  desk = desk.restart(oneRange, { clock });
  await desk.policy(true);
  const shell = await shellOf();
  expect(await desk.allocate(shell, { deadline: clock.now() + 30_000 })).toBe('waiting');
  clock.advance(30_000);
  expect(desk.status()).toMatchObject({ underWay: 1 });
  clock.advance(5_000);
  expect(desk.status()).toMatchObject({ namespaces: 0, underWay: 0 });
});

test('the second request for a namespace that is under way is refused, and the first one is not disturbed', async () => {
  const shell = await shellOf();
  const asked = await ask(shell);
  expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
  expect(await tell(asked)).toHaveProperty('name');
});

test('the last range is given again within a second of its namespace ending', async () => {
  const [a, b] = [await shellOf(), await shellOf()];
  await tell(await ask(a));
  expect(await desk.allocate(b, { peer: { uid: 0, gid: 0, pid: process.pid } })).toMatchObject({ code: 'RANGES_EXHAUSTED' });
  const first = await mapOf(a);
  await a.end();
  const ended = systemClock.now();
  while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  // The sweep comes by every tenth of a second; ten times that is a sweep that stands still.
  expect(systemClock.now() - ended).toBeLessThan(1_000);
  await tell(await ask(b));
  expect(await mapOf(b)).toBe(first);
});

test('the word of the lsm service frees a range at once, but never one whose namespace is alive', async () => {
  desk = desk.restart(oneRange, { clock: new SimulatedClock() });
  await desk.policy(true);
  const shell = await shellOf();
  const { request, namespace } = await ask(shell);
  await tell({ request, namespace });
  await desk.fake.deliver('lsm', 'namespace.gone', { namespace });
  expect(desk.status()).toMatchObject({ namespaces: 1 });
  using held = shell.namespace();
  const handle = native.namespaceHandle(held.fd) ?? new Uint8Array();
  held.close();
  await shell.end();
  // The kernel takes a moment after the last process was reaped.
  for (let fd = native.openNamespace(handle); fd !== null; fd = native.openNamespace(handle)) {
    native.close(fd);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await desk.fake.deliver('lsm', 'namespace.gone', { namespace });
  expect(desk.status()).toMatchObject({ namespaces: 0, containers: { clean: 1, burnt: 0 } });
});

test('a namespace that was there when the policy was lost does not give its range back', async () => {
  const shell = await shellOf();
  await tell(await ask(shell));
  await desk.policy(false);
  expect(desk.status()).toMatchObject({ mode: 'never-twice', reason: 'EPERM' });
  await desk.policy(true);
  await shell.end();
  while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(desk.status()).toMatchObject({ mode: 'recycling', containers: { burnt: 1, clean: 0, left: 0 } });
});

test('the loss of the policy is loud', async () => {
  await desk.policy(false);
  expect(desk.fake.lines.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({ mode: 'never-twice', reason: 'EPERM' }),
  ]);
});

test('a namespace that got its range before the lsm service spoke is not guarded', async () => {
  desk = desk.restart(oneRange);
  const shell = await shellOf();
  expect(await desk.allocate(shell)).toHaveProperty('name');
  await desk.policy(true);
  await shell.end();
  while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(desk.status()).toMatchObject({ containers: { burnt: 1 } });
});

test('a restart keeps who is guarded', async () => {
  const shell = await shellOf();
  await tell(await ask(shell));
  desk = desk.restart();
  await desk.policy(true);
  await shell.end();
  while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(desk.status()).toMatchObject({ containers: { clean: 1, burnt: 0 } });
});
