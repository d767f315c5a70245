/** `npm run bench`: builds the benchmark and its C programs, and runs it. Options go to it: see bench/main.ts. Needs root. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { stop } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'dist/bench');
const programs = { floor: 'bench/floor/floor.c', load: 'bench/client/load.c' };

function compile(name, source) {
  const { status } = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(out, name), source], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) stop(`${source} could not be built`, 'its message stands above');
}

if (process.getuid?.() !== 0) stop('the benchmark needs root: it serves, and it mounts for itself', 'run it with sudo');
mkdirSync(out, { recursive: true });
for (const [name, source] of Object.entries(programs)) compile(name, source);
await build({
  absWorkingDir: root,
  entryPoints: ['bench/main.ts'],
  outfile: join(out, 'main.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'warning',
});
const { status } = spawnSync(process.execPath, [join(out, 'main.mjs'), ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
process.exitCode = status ?? 1;
