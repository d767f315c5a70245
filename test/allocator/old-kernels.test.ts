/** Kernels that number no namespaces and make no handles of them: the inode, which is used again, and the maps tell who is who. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { native } from '../../native/index.ts';
import type { GroupKernel } from '../../services/allocator/control-groups.ts';
import type { Kernel } from '../../services/allocator/namespaces.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const test = it.skipIf(!isRoot);
const oneRange = { pools: [{ first: 524288, last: 589823 }], share_per_user: 1 };
const shells: Shell[] = [];
const shellOf = async (wrapper?: readonly string[]) => {
  const shell = await Shell.start(1000, wrapper);
  shells.push(shell);
  return shell;
};

/** The real kernel without its newer words; every namespace but our own gets the same inode, as if each had come after the other's end. */
const ownNamespace = native.ownUserNamespace();
const own = native.describe(ownNamespace).inode;
native.close(ownNamespace);
const kernel: Kernel & GroupKernel = {
  ...native,
  namespaceId: () => null,
  namespaceHandle: () => null,
  describe: (fd) => {
    const facts = native.describe(fd);
    return facts.inode === own ? facts : { ...facts, inode: 4711n };
  },
};
let desk: Desk;
beforeEach(() => {
  desk = openDesk({}, { kernel });
});
afterEach(async () => {
  for (const shell of shells.splice(0)) await shell.end();
  desk[Symbol.dispose]();
});

test('a namespace that holds a range is known again by its maps', async () => {
  const shell = await shellOf();
  expect(await desk.allocate(shell)).toHaveProperty('name');
  expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
  expect(await desk.mount(shell.namespace())).toMatchObject({ holder: { namespace: 'ino:4711+1', transient: true } });
});

test('another one on the same inode is not taken for it: the first is gone', async () => {
  await desk.allocate(await shellOf());
  const second = await shellOf();
  expect(await desk.allocate(second)).toHaveProperty('name');
  expect(await desk.mount(second.namespace())).toMatchObject({ holder: { namespace: 'ino:4711+2' } });
  expect(desk.status()).toMatchObject({ namespaces: 1, containers: { held: 1, burnt: 1 } });
});

test('one with maps of its own on the same inode is nobody that we know', async () => {
  await desk.allocate(await shellOf());
  const mapped = await shellOf(['unshare', '--user', '--map-root-user']);
  expect(await desk.mount(mapped.namespace())).toMatchObject({ holder: { transient: false } });
});

test('the end is heard from the lsm service, and believed', async () => {
  desk = desk.restart(oneRange);
  await desk.policy(true);
  const shell = await shellOf();
  expect(await desk.allocate(shell)).toBe('waiting');
  const { payload, descriptors } = desk.fake.take('range.restrict');
  for (const descriptor of descriptors) descriptor.close();
  await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal: null });
  expect(desk.answer(payload.request)).toHaveProperty('name');
  await shell.end();
  await desk.fake.deliver('lsm', 'namespace.gone', { namespace: payload.namespace });
  expect(desk.status()).toMatchObject({ namespaces: 0, containers: { clean: 1 } });
});

test('without the lsm service the record stays until the machine is started anew', async () => {
  const shell = await shellOf();
  await desk.allocate(shell);
  await shell.end();
  desk = desk.restart();
  expect(desk.status()).toMatchObject({ namespaces: 1 });
  desk = desk.restart({}, { kernel, boot: 'the next one' });
  expect(desk.status()).toMatchObject({ namespaces: 0, containers: { held: 0, burnt: 1 } });
});
