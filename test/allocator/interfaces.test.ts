/** Network interfaces as the allocator sees them: whose they are, and that a range stays until those of its namespace are gone. */
import { openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import type { GroupKernel } from '../../services/allocator/control-groups.ts';
import type { Kernel } from '../../services/allocator/namespaces.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const networked = ['unshare', '--user', '--net'];
const shells: Shell[] = [];
const kept = (shell: Shell) => {
  shells.push(shell);
  return shell;
};
const shellOf = async (wrapper: readonly string[] = networked) => kept(await Shell.start(1000, wrapper));
const networkOf = ({ pid }: Shell) => new Descriptor(openSync(`/proc/${pid}/ns/net`, 'r'));

let desk: Desk;
let request = 3_000_000;
beforeEach(() => {
  desk = openDesk({ interfaces_per_user: 17 });
});
afterEach(async () => {
  for (const shell of shells.splice(0).reverse()) await shell.end();
  desk[Symbol.dispose]();
});

type Call = Payload<'interface.add'>;
/** What goes on to the network service, or the code of the refusal. */
async function add(shell: Shell, call: Partial<Call> = {}, network = networkOf(shell)): Promise<Payload<'interface.make'> | string> {
  const peer = { uid: 1000, gid: 1000, pid: process.pid };
  const asked: Call = { request: ++request, peer, kind: 'veth', inner: null, ...call };
  if (asked.kind === 'tap') network.close();
  await desk.fake.deliver('gateway', 'interface.add', asked, [shell.namespace(), ...(asked.kind === 'tap' ? [] : [network])]);
  if (desk.fake.sent().some(({ name }) => name === 'request.failed')) return desk.fake.take('request.failed').payload.code;
  const { payload, descriptors } = desk.fake.take('interface.make');
  closeAll(descriptors);
  return payload;
}

const made = async (shell: Shell, call: Partial<Call> = {}) => {
  const answer = await add(shell, call);
  if (typeof answer === 'string') throw new Error(answer);
  return answer;
};
const removal = () => desk.fake.expect('interfaces.remove').then(({ payload }) => payload);
const removed = (namespace: string, complete = true) => desk.fake.deliver('network', 'interfaces.removed', { namespace, complete });
const held = () => desk.status().namespaces;

describe.skipIf(!isRoot)('an interface', () => {
  it('is on record, and made for its namespace and the first ID of its range', async () => {
    const shell = await shellOf();
    await desk.allocate(shell, { name: 'web' });
    const order = await made(shell);
    expect(order).toMatchObject({ kind: 'veth', inner: 'host0', alternative: 'ns-1000-1000-web' });
    expect(order.namespace).toMatch(/^(id|ino):/);
    expect(order.owner).toBe(Number((await shell.ask('cat /proc/self/uid_map')).split(/\s+/)[1]));
    desk = desk.restart();
    for (let i = 0; i < 15; i++) await made(shell, { inner: `e${i}` });
    expect(await add(shell, { inner: 'e15' })).toBe('TOO_MANY_INTERFACES');
    expect(await made(shell)).toMatchObject({ name: order.name });
  });

  it('has a limit over all namespaces of a user, root excepted, that their end raises again', async () => {
    const [one, other] = [await shellOf(), await shellOf()];
    await desk.allocate(one);
    await desk.allocate(other);
    const { namespace } = await made(one);
    for (let i = 0; i < 15; i++) await made(one, { inner: `e${i}` });
    await made(other);
    expect(await add(other, { inner: 'a' })).toBe('LIMIT_REACHED');
    await made(other, { inner: 'a', peer: { uid: 0, gid: 0, pid: process.pid } });
    await one.end();
    await removal();
    await removed(namespace);
    await made(other, { inner: 'b' });
  });

  it('of mode tap belongs to the user whose own ID is mapped', async () => {
    const shell = await shellOf([...networked, '--map-root-user']);
    const peer = { uid: 1000, gid: 1000, pid: process.pid };
    const call = { request: ++request, deadline: 0, peer, name: 'box', mangleName: false, cookie: '1' };
    await desk.fake.deliver('gateway', 'namespace.register', call, [shell.namespace()]);
    desk.answer(request);
    expect(await made(shell, { kind: 'tap' })).toMatchObject({ inner: null, owner: 1000 });
  });

  it('is for who holds something, by who has it, in a network of its own', async () => {
    const [shell, stranger] = [await shellOf(), await shellOf()];
    expect(await add(shell)).toBe('NAMESPACE_NOT_REGISTERED');
    await desk.allocate(shell);
    expect(await add(shell, { peer: { uid: 1001, gid: 1001, pid: process.pid } })).toBe('NAMESPACE_NOT_YOURS');
    expect(await add(shell, {}, networkOf(stranger))).toBe('NETWORK_NOT_OF_NAMESPACE');
    expect(await add(shell, {}, new Descriptor(openSync('/proc/self/ns/net', 'r')))).toBe('NETWORK_NOT_OF_NAMESPACE');
  });
});

describe.skipIf(!isRoot)('the end of a namespace with interfaces', () => {
  it('gives the range back only when they are gone', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    const { namespace, name, alternative } = await made(shell);
    await shell.end();
    expect(await removal()).toEqual({ namespace, interfaces: [{ name, alternative }] });
    expect(held()).toBe(1);
    await removed(namespace);
    expect(held()).toBe(0);
    expect(desk.fake.take('namespace.release').payload).toEqual({ namespace });
  });

  it('is tried again where they could not be removed, or the network service died over it', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    const { namespace } = await made(shell);
    await shell.end();
    const first = await removal();
    await removed(namespace, false);
    expect(await removal()).toEqual(first);
    desk.fake.peerDown('network');
    desk.fake.peerUp('network');
    expect(await removal()).toEqual(first);
    expect(held()).toBe(1);
    await removed(namespace);
    expect(held()).toBe(0);
  });

  it('is not taken from a stale answer', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    const { namespace } = await made(shell);
    await removed(namespace);
    await removed('id:1');
    expect(held()).toBe(1);
  });

  it('is seen by the next life of the allocator', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    const { namespace } = await made(shell);
    desk.drop();
    await shell.end();
    desk = openDesk({}, {}, desk.folder);
    expect(await removal()).toMatchObject({ namespace });
    desk = desk.restart();
    expect(await removal()).toMatchObject({ namespace });
  });

  it('is the end of them too where the machine was started anew', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    await made(shell);
    desk = desk.restart({}, { boot: 'another' });
    expect(held()).toBe(0);
  });

  it('takes with it those of the namespaces within', async () => {
    const outer = await shellOf();
    await desk.allocate(outer, { delegateContainerRanges: 1 });
    const base = Number((await outer.ask('cat /proc/self/uid_map')).split(/\s+/)[1]);
    const peer = { uid: base, gid: base, pid: process.pid };
    const inner = kept(await Shell.inside(outer, networked));
    await desk.allocate(inner, { peer });
    const { namespace } = await made(inner, { peer });
    await inner.end();
    await outer.end();
    expect(await removal()).toMatchObject({ namespace });
    await removed(namespace);
    await expect.poll(held).toBe(0);
  });
});

describe.skipIf(!isRoot)('on a kernel that numbers no namespaces', () => {
  const own = native.ownUserNamespace();
  const ownInode = native.describe(own).inode;
  native.close(own);
  const kernel: Kernel & GroupKernel = {
    ...native,
    namespaceId: () => null,
    namespaceHandle: () => null,
    describe(fd) {
      const facts = native.describe(fd);
      return facts.inode === ownInode ? facts : { ...facts, inode: 4711n };
    },
  };
  beforeEach(() => {
    desk[Symbol.dispose]();
    desk = openDesk({}, { kernel });
  });

  it('the end that was heard once is remembered, whoever dies before they are removed', async () => {
    const shell = await shellOf();
    await desk.allocate(shell);
    const { namespace } = await made(shell);
    await desk.fake.deliver('lsm', 'namespace.gone', { namespace });
    await removal();
    desk = desk.restart();
    expect(await removal()).toMatchObject({ namespace });
    await removed(namespace);
    expect(held()).toBe(0);
  });

  it('a namespace on the inode of one that ended does not inherit them', async () => {
    const [first, second] = [await shellOf(), await shellOf()];
    await desk.allocate(first);
    const { namespace } = await made(first);
    expect(await desk.allocate(second)).toHaveProperty('name');
    const order = await made(second);
    expect(order.namespace).not.toBe(namespace);
    expect(await removal()).toMatchObject({ namespace });
    await removed(namespace);
    expect(held()).toBe(1);
    expect(await made(second)).toEqual({ ...order, request });
  });
});
