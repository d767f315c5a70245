/** Namespaces that their owners have mapped themselves, made known by a name; and mounts for namespaces that are known. */
import { openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { ownIdInside } from '../../services/allocator/map-lines.ts';
import { type Answer, type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const shells: Shell[] = [];
async function shellOf(uid: number, wrapper: readonly string[] = ['unshare', '--user', '--map-root-user']): Promise<Shell> {
  const shell = await Shell.start(uid, wrapper);
  shells.push(shell);
  return shell;
}
const rootPeer = { uid: 0, gid: 0, pid: process.pid };

let desk: Desk;
let request = 2_000_000;
beforeEach(() => {
  desk = openDesk({ namespaces_per_user: 2 });
});
afterEach(async () => {
  for (const shell of shells.splice(0).reverse()) await shell.end();
  desk[Symbol.dispose]();
});

async function register(shell: Shell, overrides: Partial<Payload<'namespace.register'>> = {}): Promise<Answer> {
  request++;
  const peer = { uid: 1000, gid: 1000, pid: process.pid };
  const call = {
    request,
    deadline: Number.MAX_SAFE_INTEGER,
    peer,
    name: `r${request % 1000}`,
    mangleName: false,
    cookie: '1',
    ...overrides,
  };
  await desk.fake.deliver('gateway', 'namespace.register', call, [shell.namespace()]);
  return desk.answer(request);
}

describe.skipIf(!isRoot)('a namespace that is registered', () => {
  it('has a name, holds no range, and is forgotten when it ends', async () => {
    const shell = await shellOf(1000);
    expect(await register(shell, { name: 'box' })).toMatchObject({ name: '1000-box' });
    expect(desk.status()).toMatchObject({ namespaces: 1, containers: { held: 0 }, singles: { held: 0 } });
    expect(await register(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
    expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
    expect(await desk.mount(shell.namespace())).toMatchObject({ holder: { transient: false } });
    await shell.end();
    while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('stays so over a restart', async () => {
    const shell = await shellOf(1000);
    await register(shell, { name: 'box' });
    desk = desk.restart();
    expect(await register(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
    expect(await register(await shellOf(1000), { name: 'box' })).toMatchObject({ code: 'NAME_EXISTS' });
  });

  it('may map the same user by any number', async () => {
    expect(await register(await shellOf(1000, ['unshare', '--user', '--map-user=77', '--map-group=77']))).toHaveProperty('name');
  });

  it('is restricted for its end only, where the policy is in force', async () => {
    await desk.policy(true);
    expect(await register(await shellOf(1000))).toBe('waiting');
    const { payload, descriptors } = desk.fake.take('range.restrict');
    for (const descriptor of descriptors) descriptor.close();
    expect(payload).toMatchObject({ transient: false, denySetgroups: false });
    await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal: null });
    expect(desk.answer(payload.request)).toHaveProperty('name');
  });

  it('is transient for mounts where it lies in a range', async () => {
    const outer = await shellOf(1000, ['unshare', '--user']);
    await desk.allocate(outer);
    const base = Number((await outer.ask('cat /proc/self/uid_map')).trim().split(/\s+/)[1]);
    const nested = ['unshare', '--user', '--map-root-user'];
    const inner = await Shell.inside(outer, [...nested, ...nested]);
    shells.push(inner);
    expect(await register(inner, { peer: { uid: base, gid: base, pid: process.pid }, mangleName: true })).toHaveProperty('name');
    expect(await desk.mount(inner.namespace(), { peer: rootPeer })).toMatchObject({ holder: { transient: true } });
  });
});

describe.skipIf(!isRoot)('not registered is', () => {
  afterEach(() => expect(desk.status()).toMatchObject({ underWay: 0 }));

  it("somebody else's namespace", async () => {
    expect(await register(await shellOf(1001))).toMatchObject({ code: 'NAMESPACE_NOT_YOURS' });
  });

  it('one without maps', async () => {
    expect(await register(await shellOf(1000, ['unshare', '--user']))).toMatchObject({ code: 'NAMESPACE_NOT_OWN_ID' });
  });

  it('one whose users and groups differ', async () => {
    const shell = await shellOf(1000, ['unshare', '--user', '--map-user=0', '--map-group=5']);
    expect(await register(shell)).toMatchObject({ code: 'NAMESPACE_NOT_OWN_ID' });
  });

  it('one more than a user may have', async () => {
    for (const _ of [1, 2]) expect(await register(await shellOf(1000))).toHaveProperty('name');
    expect(await register(await shellOf(1000))).toMatchObject({ code: 'LIMIT_REACHED' });
  });
});

describe('maps that begin with the owner’s own ID', () => {
  const owner = { uid: 1000, gid: 100 };
  const line = (inside: number, outside: number, length: number) => ({ inside, outside, length });
  for (const [what, uid, gid, inside] of [
    ['one ID, to 0', [line(0, 1000, 1)], [line(0, 100, 1)], 0],
    ['one ID, to itself', [line(1000, 1000, 1)], [line(1000, 100, 1)], 1000],
    ['many, from 0 on', [line(0, 1000, 50)], [line(0, 100, 50)], 0],
    ['in two lines', [line(0, 1000, 1), line(1, 9000, 5)], [line(0, 100, 1), line(1, 8100, 5)], 0],
    ['many, not from 0 on', [line(1, 1000, 50)], [line(1, 100, 50)], undefined],
    ['another’s', [line(0, 1001, 1)], [line(0, 100, 1)], undefined],
    ['another group’s', [line(0, 1000, 1)], [line(0, 1000, 1)], undefined],
    ['of different lengths', [line(0, 1000, 1)], [line(0, 100, 2)], undefined],
    ['in different order', [line(0, 1000, 1), line(1, 9000, 5)], [line(0, 100, 1), line(1, 8000, 5)], undefined],
    ['none', [], [], undefined],
  ] as const) {
    it(what, () => expect(ownIdInside({ uid: [...uid], gid: [...gid] }, owner)).toBe(inside));
  }
});

describe.skipIf(!isRoot)('a mount that the host added', () => {
  async function add(namespace: Descriptor): Promise<string> {
    request++;
    await desk.fake.deliver('gateway', 'mount.add', { request }, [namespace, new Descriptor(openSync('/', 'r'))]);
    for (const { name, payload } of desk.fake.sent()) {
      if (!('request' in payload) || payload.request !== request) continue;
      if (name === 'request.failed') return desk.fake.take('request.failed').payload.code;
      if (name === 'mount.added' || name === 'mount.admit') {
        for (const descriptor of desk.fake.take(name).descriptors) descriptor.close();
        return name;
      }
    }
    return 'nothing';
  }

  it('is for a namespace that is known', async () => {
    const shell = await shellOf(1000, ['unshare', '--user']);
    expect(await add(shell.namespace())).toBe('NAMESPACE_NOT_REGISTERED');
    await desk.allocate(shell);
    expect(await add(shell.namespace())).toBe('mount.added');
    const own = await shellOf(1000);
    await register(own);
    expect(await add(own.namespace())).toBe('mount.added');
  });

  it('is for the lsm service to allow, where the policy is in force', async () => {
    await desk.policy(true);
    const shell = await shellOf(1000, ['unshare', '--user']);
    expect(await desk.allocate(shell)).toBe('waiting');
    const { payload, descriptors } = desk.fake.take('range.restrict');
    for (const descriptor of descriptors) descriptor.close();
    expect(await add(shell.namespace())).toBe('NAMESPACE_NOT_REGISTERED');
    await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal: null });
    expect(await add(shell.namespace())).toBe('mount.admit');
  });
});
