/** The first stage of MountImage: whose namespace is this, and does it hold IDs of ours? */
import { openSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const test = it.skipIf(!isRoot);
const shells: Shell[] = [];
const shellOf = async (uid: number, wrapper?: readonly string[]) => {
  const shell = await Shell.start(uid, wrapper);
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

const root = { peer: { uid: 0, gid: 0, pid: process.pid } };
const hostsOwn = () => new Descriptor(openSync('/proc/self/ns/user', 'r'));
const nameOf = (shell: Shell) => {
  using namespace = shell.namespace();
  return `id:${native.namespaceId(namespace.fd)}`;
};

test('a namespace with a range of ours is transient', async () => {
  const shell = await shellOf(1000);
  await desk.allocate(shell);
  expect(await desk.mount(shell.namespace())).toMatchObject({ holder: { namespace: nameOf(shell), transient: true } });
});

test('a namespace that its owner mapped is not', async () => {
  const shell = await shellOf(1000, ['unshare', '--user', '--map-root-user']);
  expect(await desk.mount(shell.namespace())).toMatchObject({ holder: { namespace: nameOf(shell), transient: false } });
});

test('a namespace of type self holds no ID of ours', async () => {
  const shell = await shellOf(1000);
  await desk.allocate(shell, { type: 'self', size: 1 });
  expect(await desk.mount(shell.namespace())).toMatchObject({ holder: { transient: false } });
});

test('a namespace somewhere below one with a range is transient', async () => {
  const outer = await shellOf(1000);
  await desk.allocate(outer);
  const inner = await Shell.inside(outer, ['unshare', '--user', '--map-root-user', 'unshare', '--user', '--map-root-user']);
  shells.push(inner);
  expect(await desk.mount(inner.namespace(), root)).toMatchObject({ holder: { namespace: nameOf(inner), transient: true } });
});

test('a sidecar stays behind the image and its namespace', async () => {
  const shell = await shellOf(1000);
  await desk.allocate(shell);
  expect(await desk.mount(shell.namespace(), { hasSidecar: true })).toMatchObject({ hasSidecar: true, holder: { transient: true } });
});

test("another user's namespace is refused", async () => {
  const shell = await shellOf(1001, ['unshare', '--user', '--map-root-user']);
  expect(await desk.mount(shell.namespace())).toMatchObject({ code: 'NAMESPACE_NOT_YOURS' });
  expect(await desk.mount(shell.namespace(), root)).toHaveProperty('holder');
});

test('an unmapped namespace is refused', async () => {
  const shell = await shellOf(1000);
  expect(await desk.mount(shell.namespace())).toMatchObject({ code: 'NAMESPACE_UNMAPPED' });
});

test("a mount for the host is root's only", async () => {
  expect(await desk.mount(null)).toMatchObject({ code: 'PERMISSION_DENIED' });
  expect(await desk.mount(hostsOwn())).toMatchObject({ code: 'NAMESPACE_NOT_YOURS' });
  expect(await desk.mount(null, root)).toMatchObject({ holder: null });
  expect(await desk.mount(hostsOwn(), { ...root, hasSidecar: true })).toMatchObject({ holder: null, hasSidecar: true });
});
