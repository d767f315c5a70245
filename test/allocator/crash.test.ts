/** kill -9 between any two steps: nothing is lost, and no ID has two holders. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from './support/bundle.ts';
import { type Desk, isRoot, openDesk } from './support/desk.ts';
import { Shell } from './support/shell.ts';

const ranges = 6;
const config = { pools: [{ first: 524288, last: 524288 + ranges * 65536 - 1 }], share_per_user: 1 };
/** More steps than a life has: the test fails when it does not come to the end by then. */
const mostSteps = 400;

let child: ReturnType<typeof bundle>;
beforeAll(() => {
  child = bundle('crash-child.ts');
});
afterAll(() => child.remove());

/** The first ID outside that a namespace maps, or undefined. */
function baseOf(shell: Shell): number | undefined {
  const text = readFileSync(`/proc/${shell.pid}/uid_map`, 'utf8').trim();
  return text === '' ? undefined : Number(text.split(/\s+/)[1]);
}

async function grant(desk: Desk, shell: Shell): Promise<unknown> {
  const answer = await desk.allocate(shell);
  if (answer !== 'waiting') return answer;
  const { payload, descriptors } = desk.fake.take('range.restrict');
  for (const descriptor of descriptors) descriptor.close();
  await desk.fake.deliver('lsm', 'range.restricted', { request: payload.request, namespace: payload.namespace, refusal: null });
  return desk.answer(payload.request);
}

/** One life that is cut off at a step, and what the next one makes of it. @returns whether the life came to its end */
async function cutAt(step: number, mode: 'open' | 'guarded'): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-crash-'));
  const shells = await Promise.all([1, 2, 3, 4].map(() => Shell.start(1000)));
  const [first, second, third, fourth] = shells;
  if (!first || !second || !third || !fourth) throw new Error('no shells');
  try {
    const before = openDesk(config, {}, folder);
    if (mode === 'guarded') await before.policy(true);
    await grant(before, first);
    before.drop();
    const asked = [second, third].map((shell) => `/proc/${shell.pid}/ns/user`);
    const { stdout, signal, stderr } = spawnSync(process.execPath, [child.program, folder, String(step), mode, ...asked], {
      encoding: 'utf8',
    });
    if (signal !== 'SIGKILL' && stdout !== 'done\n') throw new Error(`the child failed: ${stderr}`);

    using after = openDesk(config, {}, folder);
    if (mode === 'guarded') await after.policy(true);
    const mapped = shells.filter((shell) => baseOf(shell) !== undefined);
    expect(mapped).toContain(first);
    // What is mapped is on record, and what is not can be asked for again; no range is lost on the way.
    expect(after.status()).toMatchObject({ namespaces: mapped.length, containers: { held: mapped.length, burnt: 0 } });
    for (const shell of shells) {
      const again = await grant(after, shell);
      if (mapped.includes(shell)) expect(again).toMatchObject({ code: 'NAMESPACE_EXISTS' });
      else expect(again).toHaveProperty('name');
    }
    expect(new Set(shells.map(baseOf)).size).toBe(shells.length);
    expect(shells.map(baseOf)).not.toContain(undefined);
    return signal === null;
  } finally {
    for (const shell of shells) await shell.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(!isRoot)('an allocator that is killed at any step', () => {
  for (const mode of ['open', 'guarded'] as const) {
    it(`leaves every namespace with what it has, and nobody else with that (${mode})`, { timeout: 600_000 }, async () => {
      let step = 1;
      while (!(await cutAt(step, mode))) {
        step++;
        expect(step).toBeLessThan(mostSteps);
      }
      // Two requests of an allocator whose every step is a place to die: fewer would mean that the places were not there.
      expect(step).toBeGreaterThan(40);
    });
  }
});
