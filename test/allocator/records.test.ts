/** Names for the IDs of ranges that are held. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PosternError } from '../../mesh/errors.ts';
import { findRecord, type RecordWanted } from '../../services/allocator/records.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

describe.skipIf(!isRoot)('of a namespace with a range', () => {
  let desk: Desk;
  let shell: Shell;
  let start: number;
  beforeEach(async () => {
    desk = openDesk();
    shell = await Shell.start(1000);
    await desk.allocate(shell, { name: 'web-2', peer: { uid: 0, gid: 0, pid: process.pid } });
    start = Number((await shell.ask('cat /proc/self/uid_map')).trim().split(/\s+/)[1]);
  });
  afterEach(async () => {
    await shell.end();
    desk[Symbol.dispose]();
  });

  let request = 1_000_000;
  async function find(wanted: Partial<RecordWanted>): Promise<object> {
    request++;
    await desk.fake.deliver('gateway', 'record.find', { request, id: null, name: null, ...wanted });
    const failed = desk.fake.sent().some(({ name }) => name === 'request.failed');
    return desk.fake.take(failed ? 'request.failed' : 'record.found').payload;
  }

  it('the first and the last ID have a record, by ID and by name', async () => {
    for (const offset of [0, 65535]) {
      const record = { name: 'web-2', offset, id: start + offset, unit: 65536 };
      expect(await find({ id: start + offset })).toMatchObject(record);
      expect(await find({ name: `ns-web-2-${offset}` })).toMatchObject(record);
      expect(await find({ id: start + offset, name: `ns-web-2-${offset}` })).toMatchObject(record);
    }
  });

  it('an ID and a name that do not belong together are a conflict', async () => {
    expect(await find({ id: start, name: 'ns-web-2-1' })).toMatchObject({ code: 'RECORD_CONFLICT' });
  });

  it('what lies beside it has none', async () => {
    for (const id of [start - 1, start + 65536, 0, 0xffff_fffe]) expect(await find({ id })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    for (const name of ['ns-web-2-65536', 'ns-web-2-00', 'ns-web-2--1', 'ns-web-2-', 'ns-web-0', 'web-2-0', 'ns--0', 'root', '']) {
      expect(await find({ name }), name).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    }
  });

  it('nothing is left when it has ended', async () => {
    await shell.end();
    while (desk.status().namespaces !== 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await find({ id: start })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    expect(await find({ name: 'ns-web-2-0' })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
  });

  it('a single ID has one name, and the same after a restart', async () => {
    const single = await Shell.start(1000);
    await desk.allocate(single, { name: 'one', size: 1 });
    const id = Number((await single.ask('cat /proc/self/uid_map')).trim().split(/\s+/)[1]);
    desk = desk.restart();
    expect(await find({ id })).toMatchObject({ name: '1000-one', offset: 0, id, unit: 1 });
    expect(await find({ name: 'ns-1000-one-1' })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    expect(await find({ id: start + 3 })).toMatchObject({ name: 'web-2', offset: 3 });
    await single.end();
  });

  it('type self has none: the ID is the caller’s own', async () => {
    const own = await Shell.start(1000);
    await desk.allocate(own, { name: 'mine', type: 'self', size: 1 });
    expect(await find({ id: 1000 })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    expect(await find({ name: 'ns-1000-mine-0' })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    await own.end();
  });

  it('an ID that was passed on belongs to whoever was given it below', async () => {
    const outer = await Shell.start(1000);
    await desk.allocate(outer, { name: 'outer', delegateContainerRanges: 1 });
    const [own = '', spare = ''] = (await outer.ask('cat /proc/self/uid_map')).split('\n');
    const [, base] = own.trim().split(/\s+/).map(Number);
    const [passedOn] = spare.trim().split(/\s+/).map(Number);
    expect(await find({ id: passedOn ?? 0 })).toMatchObject({ code: 'RECORD_NOT_FOUND' });
    const inner = await Shell.inside(outer, ['unshare', '--user']);
    await desk.allocate(inner, { name: 'x', mangleName: true, peer: { uid: base ?? 0, gid: base ?? 0, pid: process.pid } });
    expect(await find({ id: passedOn ?? 0 })).toMatchObject({ name: `${base}-x`, offset: 0 });
    await inner.end();
    await outer.end();
  });
});

it('a name is never more than one ID’s, and the ID’s name is the name', () => {
  const holding = { start: 524288, unit: 65536, name: 'a-1' } as const;
  const tree = {
    holderOf: (id: number) => (id >= 524288 && id < 524288 + 65536 ? holding : undefined),
    named: (name: string) => (name === holding.name ? holding : undefined),
  };
  const name = fc.oneof(
    fc.string(),
    fc.tuple(fc.constantFrom('ns-a-1-', 'ns-a-', ''), fc.integer(), fc.string({ maxLength: 2 })).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(name, (asked) => {
      try {
        const { id, offset } = findRecord(tree, { id: null, name: asked });
        expect(asked).toBe(`ns-a-1-${offset}`);
        expect(findRecord(tree, { id, name: asked })).toMatchObject({ id, offset });
      } catch (error) {
        if (!(error instanceof PosternError)) throw error;
      }
    }),
  );
});
