/** Makes what the lab's tests run and need, in dist/, which the guest sees: one bundle, the attacks as one static program, a signer. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../tools/build.mjs';
import { makeFirmware } from './firmware.mjs';
import { bundle, compile, out, root } from './programs.mjs';

const attacks = 'test/lab/attacks';

export async function prepareTests() {
  await build();
  await bundle('test/lab/main.ts', 'lab-tests.mjs');
  const sources = readdirSync(join(root, attacks)).filter((name) => name.endsWith('.c'));
  compile(
    'lab-attack',
    sources.map((name) => join(attacks, name)),
  );
  compile('lab-seal', ['test/lab/seal.c']);
  return { firmware: makeFirmware(out, 'lab-signer') };
}
