/** `npm run bench`: builds the benchmark and its C programs, and runs it. Needs root. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { misused, readOptions } from './options.mjs';
import { stop } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, 'dist/bench');
const parts = ['calls', 'first', 'held'];
const usage = `usage: npm run bench -- [--json] [--only PART]…
Postern beside the floor, in about two minutes; bench/README.md tells what is measured, and how.
  --json       one JSON document instead of the table
  --only PART  ${parts.join(', ')}: not all of them; may be repeated
`;
const programs = { floor: 'bench/floor/floor.c', load: 'bench/client/load.c' };

function compile(name, source) {
  const { status } = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(out, name), source], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) stop(`${source} could not be built`, 'its message stands above');
}

const { values } = readOptions(usage, { options: { json: { type: 'boolean' }, only: { type: 'string', multiple: true, default: [] } } });
for (const part of values.only) if (!parts.includes(part)) misused(`there is no part ${part}`, usage);
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
