/**
 * `npm run bench:policy`: what the policy costs processes that it is not about, on each kernel of the lab.
 *   npm run bench:policy -- --json      one JSON document a kernel
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'esbuild';
import { build } from '../tools/build.mjs';
import { stop } from '../tools/say.mjs';
import { runUnder } from './boot.mjs';
import { fetchKernel, kernels } from './kernels.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Beside the policy's object, which it loads. */
const out = join(root, 'dist');

await build();
mkdirSync(out, { recursive: true });
const compiled = spawnSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', join(out, 'workload'), 'bench/policy/workload.c'], {
  cwd: root,
  stdio: 'inherit',
});
if (compiled.status !== 0) stop('bench/policy/workload.c could not be built', 'its message stands above');
await bundle({
  absWorkingDir: root,
  entryPoints: ['bench/policy/main.ts'],
  outfile: join(out, 'bench-policy.mjs'),
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  logLevel: 'warning',
});

const micro = (nanoseconds) => (nanoseconds / 1000).toFixed(1);
const asJson = process.argv.includes('--json');
if (!asJson) process.stdout.write('| kernel | work | without, µs | with, µs | ratio |\n|---|---|---|---|---|\n');
for (const name of Object.keys(kernels)) {
  const stdout = new PassThrough();
  const said = text(stdout);
  const job = { command: [process.execPath, join(out, 'bench-policy.mjs')], environment: { HOME: '/root' }, interactive: false, cwd: root };
  const status = await runUnder(fetchKernel(name), job, { stdout, timeoutMs: 1_200_000 });
  stdout.end();
  const answer = await said;
  if (status !== 0) stop(`the benchmark failed under ${name}`, answer);
  if (asJson) process.stdout.write(answer);
  else {
    const { kernel, results } = JSON.parse(answer);
    for (const { name: work, with: guarded, without } of results)
      process.stdout.write(`| ${kernel} | ${work} | ${micro(without)} | ${micro(guarded)} | ${(guarded / without).toFixed(3)} |\n`);
  }
}
