/** AllocateUserRange with real namespaces: what is mapped, and what is refused and leaves nothing behind. */
import { openSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const shells: Shell[] = [];
async function shellOf(uid: number, wrapper?: readonly string[]): Promise<Shell> {
  const shell = await Shell.start(uid, wrapper);
  shells.push(shell);
  return shell;
}

/** Lines of a map as a process in the namespace reads them. */
async function mapOf(shell: Shell, kind: 'uid' | 'gid' = 'uid'): Promise<number[][]> {
  const text = await shell.ask(`cat /proc/self/${kind}_map`);
  return text === '' ? [] : text.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
}

describe.skipIf(!isRoot)('a namespace gets', () => {
  let desk: Desk;
  beforeEach(() => {
    desk = openDesk();
  });
  afterEach(async () => {
    for (const shell of shells.splice(0)) await shell.end();
    desk[Symbol.dispose]();
  });

  it('64 Ki IDs from the pool, aligned, the same for users and groups', async () => {
    const shell = await shellOf(1000);
    expect(await desk.allocate(shell, { name: 'box' })).toMatchObject({ name: '1000-box' });
    const [[inside, outside = 0, length] = []] = await mapOf(shell);
    expect([inside, length]).toEqual([0, 65536]);
    expect(outside % 65536).toBe(0);
    expect(outside).toBeGreaterThanOrEqual(524288);
    expect(outside).toBeLessThanOrEqual(1879048191 - 65535);
    expect(await mapOf(shell, 'gid')).toEqual([[0, outside, 65536]]);
    const root = await Shell.inside(shell);
    expect(await root.ask('id -u; id -g')).toBe('0\n0');
    await root.end();
  });

  it('a single ID, where asked inside', async () => {
    const shell = await shellOf(1000);
    expect(await desk.allocate(shell, { size: 1, target: 4321 })).toHaveProperty('name');
    const [[inside, outside = 0, length] = []] = await mapOf(shell);
    expect([inside, length]).toEqual([4321, 1]);
    expect(outside).toBeGreaterThanOrEqual(61184);
    expect(outside).toBeLessThanOrEqual(65519);
  });

  it('an inside above 2^31', async () => {
    const shell = await shellOf(1000);
    await desk.allocate(shell, { target: 3_000_000_000 });
    expect((await mapOf(shell))[0]?.[0]).toBe(3_000_000_000);
  });

  it('an outside above 2^31, where the pool is there', async () => {
    using high = openDesk({ pools: [{ first: 4294836224, last: 4294901759 }], share_per_user: 1 });
    const shell = await shellOf(1000);
    await high.allocate(shell);
    expect(await mapOf(shell)).toEqual([[0, 4294836224, 65536]]);
  });

  it("the caller's own ID for type self, and can drop no group", async () => {
    const shell = await shellOf(1000);
    expect(await desk.allocate(shell, { type: 'self', size: 1 })).toHaveProperty('name');
    expect(await mapOf(shell)).toEqual([[0, 1000, 1]]);
    expect(await mapOf(shell, 'gid')).toEqual([[0, 1000, 1]]);
    expect(await shell.ask('cat /proc/self/setgroups')).toBe('deny');
    expect(desk.status()).toMatchObject({ containers: { held: 0 }, singles: { held: 0 } });
  });

  it("the caller's own IDs as they are for type self without a target", async () => {
    const shell = await shellOf(1000);
    expect(
      await desk.allocate(shell, { type: 'self', size: 1, target: null, peer: { uid: 1000, gid: 1234, pid: process.pid } }),
    ).toHaveProperty('name');
    expect(await mapOf(shell)).toEqual([[1000, 1000, 1]]);
    expect(await mapOf(shell, 'gid')).toEqual([[1234, 1234, 1]]);
    expect(await shell.ask('id -u')).toBe('1000');
    desk = desk.restart();
    expect(await desk.allocate(shell, { type: 'self', size: 1, target: null })).toMatchObject({ code: 'NAMESPACE_EXISTS' });
  });

  it('ranges to spare and the foreign range, one to one, in this order', async () => {
    const shell = await shellOf(1000);
    await desk.allocate(shell, { delegateContainerRanges: 3, mapForeign: true });
    const [own, ...rest] = await mapOf(shell);
    expect(own?.[0]).toBe(0);
    expect(rest).toHaveLength(4);
    for (const [inside, outside, length] of rest) expect([outside, length]).toEqual([inside, 65536]);
    expect(rest.at(-1)?.[0]).toBe(2147352576);
    expect(desk.status()).toMatchObject({ containers: { held: 4 } });
  });

  it('a name of its own making without a prefix, when root asks', async () => {
    const shell = await shellOf(1000);
    expect(await desk.allocate(shell, { name: 'box', peer: { uid: 0, gid: 0, pid: process.pid } })).toMatchObject({ name: 'box' });
  });

  it('a name that was changed to fit', async () => {
    const shell = await shellOf(1000);
    const answer = await desk.allocate(shell, { name: 'nspawn-4711-a-long-machine-name', mangleName: true });
    expect(answer).toMatchObject({ name: '1000-nspawn-4711-a-lon' });
  });
});

describe.skipIf(!isRoot)('a namespace is refused with', () => {
  let desk: Desk;
  beforeEach(() => {
    desk = openDesk();
  });
  afterEach(async () => {
    const status = desk.status();
    for (const shell of shells.splice(0)) await shell.end();
    desk[Symbol.dispose]();
    expect(status, 'a range is left behind').toMatchObject({ underWay: 0 });
  });
  const nothing = { namespaces: 0, containers: { held: 0, burnt: 0 }, singles: { held: 0, burnt: 0 } };

  it('NAMESPACE_NOT_YOURS when it belongs to another user', async () => {
    const shell = await shellOf(1001);
    expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_NOT_YOURS' });
    expect(desk.status()).toMatchObject(nothing);
  });

  it('NAMESPACE_NOT_EMPTY when it has a map', async () => {
    const shell = await shellOf(1000, ['unshare', '--user', '--map-root-user']);
    expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_NOT_EMPTY' });
    expect(await mapOf(shell)).toEqual([[0, 1000, 1]]);
    expect(desk.status()).toMatchObject(nothing);
  });

  it('a caller may run in it: who made it may have it mapped, from wherever they ask', async () => {
    const shell = await shellOf(1000);
    await desk.allocate(shell, { peer: { uid: 1000, gid: 1000, pid: shell.pid } });
    expect(await mapOf(shell)).toHaveLength(1);
  });

  it("NAMESPACE_IS_CALLERS when it is the host's", async () => {
    const own = new Descriptor(openSync('/proc/self/ns/user', 'r'));
    expect(await desk.allocate(own, { peer: { uid: 0, gid: 0, pid: process.pid } })).toMatchObject({ code: 'NAMESPACE_IS_CALLERS' });
  });

  it('NAMESPACE_EXISTS when it holds a range', async () => {
    const shell = await shellOf(1000);
    await desk.allocate(shell);
    const before = await mapOf(shell);
    expect(await desk.allocate(shell)).toMatchObject({ code: 'NAMESPACE_EXISTS' });
    expect(await mapOf(shell)).toEqual(before);
    expect(desk.status()).toMatchObject({ namespaces: 1, containers: { held: 1 } });
  });

  it('NAME_INVALID, NAME_EXISTS', async () => {
    const [a, b] = [await shellOf(1000), await shellOf(1000)];
    expect(await desk.allocate(a, { name: 'no/slash' })).toMatchObject({ code: 'NAME_INVALID' });
    expect(await desk.allocate(a, { name: 'box' })).toHaveProperty('name');
    expect(await desk.allocate(b, { name: 'box' })).toMatchObject({ code: 'NAME_EXISTS' });
    expect(desk.status()).toMatchObject({ namespaces: 1 });
  });

  it('INVALID_PARAMETER for a size or target that type self has not, and a target where nothing fits', async () => {
    const shell = await shellOf(1000);
    expect(await desk.allocate(shell, { type: 'self' })).toMatchObject({ code: 'INVALID_PARAMETER', parameter: 'size' });
    expect(await desk.allocate(shell, { type: 'self', size: 1, target: 5 })).toMatchObject({
      code: 'INVALID_PARAMETER',
      parameter: 'target',
    });
    expect(await desk.allocate(shell, { target: 0xffff_fffe })).toMatchObject({ code: 'INVALID_PARAMETER', parameter: 'target' });
    expect(await desk.allocate(shell, { target: 2147352576, mapForeign: true })).toMatchObject({ code: 'INVALID_PARAMETER' });
    expect(desk.status()).toMatchObject(nothing);
  });

  it('RANGE_NOT_DELEGATED when its parent is a namespace that holds nothing', async () => {
    const shell = await shellOf(1000, ['unshare', '--user', '--map-root-user', 'unshare', '--user']);
    expect(await desk.allocate(shell)).toMatchObject({ code: 'RANGE_NOT_DELEGATED' });
    expect(desk.status()).toMatchObject(nothing);
  });

  it('LIMIT_REACHED when its owner has as many as one may have, and root is exempt', async () => {
    desk = desk.restart({ namespaces_per_user: 1 });
    const [a, b] = [await shellOf(1000), await shellOf(1000)];
    await desk.allocate(a);
    expect(await desk.allocate(b)).toMatchObject({ code: 'LIMIT_REACHED' });
    expect(await desk.allocate(b, { peer: { uid: 0, gid: 0, pid: process.pid } })).toHaveProperty('name');
  });

  it('LIMIT_REACHED when its owner has used up its share, also with ranges that are burnt', async () => {
    desk = desk.restart({ pools: [{ first: 524288, last: 524288 + 4 * 65536 - 1 }], share_per_user: 0.5 });
    const [a, b, c] = [await shellOf(1000), await shellOf(1000), await shellOf(1001)];
    await desk.allocate(a, { delegateContainerRanges: 1 });
    expect(await desk.allocate(b)).toMatchObject({ code: 'LIMIT_REACHED' });
    const theirs = { peer: { uid: 1001, gid: 1001, pid: process.pid } };
    expect(await desk.allocate(c, theirs)).toHaveProperty('name');
    await a.end();
    desk = desk.restart({ pools: [{ first: 524288, last: 524288 + 4 * 65536 - 1 }], share_per_user: 0.5 });
    expect(await desk.allocate(b)).toMatchObject({ code: 'LIMIT_REACHED' });
  });

  it('RANGES_USED_UP when all were used, where none is used twice', async () => {
    desk = desk.restart({ pools: [{ first: 524288, last: 589823 }] });
    const root = { peer: { uid: 0, gid: 0, pid: process.pid } };
    const [a, b] = [await shellOf(1000), await shellOf(1000)];
    await desk.allocate(a, root);
    await a.end();
    expect(await desk.allocate(b, root)).toMatchObject({ code: 'RANGES_USED_UP' });
  });

  it('SERVICE_UNAVAILABLE when its holder can not be recorded', async () => {
    const shell = await shellOf(1000);
    const full = Object.assign(new Error('no room'), { code: 'ENOSPC', errno: 28, syscall: 'write' });
    const { realDisk } = await import('../../services/allocator/journal.ts');
    let room = true;
    const disk = {
      ...realDisk,
      writeSync(fd: number, data: Uint8Array, offset: number) {
        if (room) return realDisk.writeSync(fd, data, offset);
        throw full;
      },
    };
    desk = desk.restart({}, { disk });
    room = false;
    expect(await desk.allocate(shell)).toMatchObject({ code: 'SERVICE_UNAVAILABLE' });
    expect(await mapOf(shell)).toEqual([]);
    room = true;
    expect(await desk.allocate(shell)).toHaveProperty('name');
  });

  it('no error when its process has ended, but a descriptor keeps it', async () => {
    const shell = await shellOf(1000);
    const namespace = shell.namespace();
    await shell.end();
    expect(await desk.allocate(namespace)).toHaveProperty('name');
  });
});
