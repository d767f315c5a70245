/** A journal that was rewritten says what the long one said. */
import { expect, it } from 'vitest';
import { Registry } from '../../services/allocator/registry.ts';
import { hold } from './support/holdings.ts';
import { MemoryDisk } from './support/memory-disk.ts';

const disk = new MemoryDisk();
const pools = { containers: [{ first: 524288, last: 524288 + 20 * 65536 - 1 }], singles: [{ first: 61184, last: 61199 }] };
const unsound = (error: unknown) => {
  throw error;
};
/** Every life rewrites the journal as it begins. */
const open = (boot = 'one') => Registry.open({ folder: '/state', pools, boot, random: () => 0, disk, unsound });

it('who holds what, what is clean and burnt, and what children have done to what they were given', () => {
  const before = open();
  before.setPolicy('enforced');
  const node = hold(before, { namespace: 'id:1', delegated: 2 });
  before.mapped('id:1');
  hold(before, { namespace: 'id:2', unit: 1 });
  before.free('id:2');
  before.setPolicy('off');
  hold(before, { namespace: 'id:3', parent: 'id:1' });
  before.mapped('id:3');
  before.free('id:3');
  hold(before, { namespace: 'id:4' });
  before.free('id:4');

  const after = open();
  expect(after.tree.counts()).toEqual(before.tree.counts());
  expect([...after.tree.holdings()]).toEqual([...before.tree.holdings()]);
  expect(after.tree.pool('id:1', 65536)?.counts()).toEqual(before.tree.pool('id:1', 65536)?.counts());
  expect(after.tree.pool('id:1', 65536)?.counts()).toMatchObject({ total: 2, burnt: 1 });
  expect(after.tree.isNameTaken(node.name)).toBe(true);
  expect(after.tree.countOf(1000)).toBe(1);
  expect(after.tree.serial).toBe(4);
});
