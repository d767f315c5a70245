/** Makes what the lab's tests run and need, in dist/, which the guest sees: one bundle, the attacks as one static program, a signer. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';
import { build } from '../tools/build.mjs';
import { makeFirmware } from './firmware.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export async function prepareTests() {
  await build();
  await bundle({
    absWorkingDir: root,
    entryPoints: ['test/lab/main.ts'],
    outfile: 'dist/lab-tests.mjs',
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
  const attacks = join(root, 'test/lab/attacks');
  compile(
    'lab-attack',
    readdirSync(attacks).flatMap((name) => (name.endsWith('.c') ? [join(attacks, name)] : [])),
  );
  compile('lab-seal', [join(root, 'test/lab/seal.c')]);
  return { firmware: makeFirmware(join(root, 'dist'), 'lab-signer') };
}

/** A static program: it must run in any mount namespace. */
function compile(name, sources) {
  const flags = ['-std=gnu17', '-O1', '-Wall', '-Wextra', '-Werror', '-static', '-o', join(root, 'dist', name)];
  const { status, error, stderr } = spawnSync('gcc', [...flags, ...sources], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} could not be compiled: ${error?.message ?? stderr}`);
}
