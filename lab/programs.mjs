/** Programs that run inside the guest, made in dist/, which it sees. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const out = join(root, 'dist');

/** One file of a program and all that it imports, but what Node brings. */
export async function bundle(entry, name) {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile: join(out, name),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
}

/** A static program: it must run in any mount namespace. */
export function compile(name, sources) {
  const flags = ['-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-static', '-o', join(out, name)];
  const { status, error, stderr } = spawnSync('gcc', [...flags, ...sources], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name} could not be compiled: ${error?.message ?? stderr}`);
}
