/** A range is anybody's again only when the control groups and interfaces of its namespace, and of all that lay in it, are gone. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { Endings } from '../../services/allocator/endings.ts';
import { Registry } from '../../services/allocator/registry.ts';
import { fakeMesh } from '../support/mesh.ts';
import { hold } from './support/holdings.ts';
import { MemoryDisk } from './support/memory-disk.ts';

const pools = { containers: [{ first: 524288, last: 524288 + 8 * 65536 - 1 }], singles: [] };

/** A kernel that takes as long as the test likes. */
class Groups {
  readonly asked: string[] = [];
  readonly #answers: { readonly resolve: (told: { removed: number; kept: number }) => void; readonly reject: (error: Error) => void }[] =
    [];

  takeBack(group: string): Promise<{ removed: number; kept: number }> {
    this.asked.push(group);
    return new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
  }

  async done(kept = 0): Promise<void> {
    this.#answers.shift()?.resolve({ removed: 1, kept });
    await settled();
  }

  async failed(): Promise<void> {
    this.#answers.shift()?.reject(new Error('EMFILE'));
    await settled();
  }
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

let fake: ReturnType<typeof fakeMesh<'allocator'>>;
let registry: Registry;
let groups: Groups;
let clock: SimulatedClock;
let endings: Endings;
const disk = new MemoryDisk();
function begin(): void {
  const unsound = (error: unknown) => {
    throw error;
  };
  registry = Registry.open({ folder: '/state', pools, boot: 'boot', random: () => 0, disk, unsound });
  registry.setPolicy('enforced');
  groups = new Groups();
  clock = new SimulatedClock();
  endings = new Endings({ mesh: fake.mesh, clock, registry, groups });
}
beforeEach(() => {
  fake = fakeMesh('allocator');
  begin();
});
afterEach(() => {
  endings.stop();
  fake.close();
});

let made = 0;
function holding({
  parent = null,
  delegated = 0,
  given = [] as readonly string[],
}: {
  parent?: string | null;
  delegated?: number;
  given?: readonly string[];
}) {
  const namespace = `id:${++made}`;
  hold(registry, { namespace, parent, delegated });
  for (const group of given) registry.give(namespace, group);
  return namespace;
}
const held = () => registry.tree.counts().containers.held;
const isKnown = (namespace: string) => registry.tree.find(namespace) !== undefined;

it('without control groups it is at once', () => {
  endings.end(holding({}));
  expect(held()).toBe(0);
});

it('with some, when the last of them is taken back', async () => {
  const namespace = holding({ given: ['11', '12'] });
  endings.end(namespace);
  await settled();
  await groups.done();
  expect(held()).toBe(1);
  await groups.done(3);
  expect(held()).toBe(0);
  expect(groups.asked).toEqual(['11', '12']);
  expect(fake.lines.some(({ kept }) => kept === 3)).toBe(true);
});

it('is heard of once, however often it is told', async () => {
  const namespace = holding({ given: ['21'] });
  for (let i = 0; i < 3; i++) endings.end(namespace);
  await settled();
  await groups.done();
  expect(groups.asked).toEqual(['21']);
  expect(isKnown(namespace)).toBe(false);
});

it('takes back what lay in it as well', async () => {
  const outer = holding({ delegated: 2, given: ['31'] });
  const inner = holding({ parent: outer, given: ['32'] });
  endings.end(inner);
  endings.end(outer);
  await settled();
  // one tree at a time, since one may lie in the other
  expect(groups.asked).toEqual(['32']);
  await groups.done();
  expect(isKnown(inner)).toBe(false);
  await groups.done();
  expect(groups.asked).toEqual(['32', '31']);
  expect(registry.tree.size).toBe(0);
});

it('waits where the kernel refuses, and is tried again', async () => {
  const namespace = holding({ given: ['41'] });
  endings.end(namespace);
  await settled();
  await groups.failed();
  expect(isKnown(namespace)).toBe(true);
  clock.advance(1_000);
  await settled();
  await groups.done();
  expect(groups.asked).toEqual(['41', '41']);
  expect(isKnown(namespace)).toBe(false);
});

it('is begun anew by the next life where this one ends in between', async () => {
  const namespace = holding({ given: ['51'] });
  endings.end(namespace);
  await settled();
  endings.stop();
  await groups.done();
  expect(isKnown(namespace)).toBe(true);
  begin();
  expect(registry.tree.get(namespace)).toMatchObject({ controlGroups: ['51'], ended: true });
  endings.end(namespace);
  await settled();
  await groups.done();
  expect(isKnown(namespace)).toBe(false);
});
