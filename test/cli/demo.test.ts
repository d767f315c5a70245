/** The demo is the first thing that anybody sees of Postern: it must hold what it says, and leave nothing. */
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isRoot, machineResidue, root, run } from '../support/serve.ts';

const reason = isRoot ? '' : 'needs root to serve';
const leftovers = () => readdirSync(tmpdir()).filter((name) => name.startsWith('postern-demo-'));

it.skipIf(reason !== '')(`the demo holds what it says${reason === '' ? '' : ` (${reason})`}`, async () => {
  const before = { machine: machineResidue(), folders: leftovers() };
  const { stdout } = await run(process.execPath, [join(root, 'tools/demo.mjs')]);
  expect(stdout).toContain('All of it held');
  expect(stdout).not.toContain('✗');
  expect({ machine: machineResidue(), folders: leftovers() }).toEqual(before);
});
