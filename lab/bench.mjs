/** `npm run bench:policy`: what the policy costs processes that it is not about, on each kernel of the lab. */
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { build } from '../tools/build.mjs';
import { readOptions } from '../tools/options.mjs';
import { stop } from '../tools/say.mjs';
import { runUnder } from './boot.mjs';
import { fetchKernel, kernels } from './kernels.mjs';
import { bundle, compile, out, root } from './programs.mjs';

const usage = `usage: npm run bench:policy -- [--json]
What the policy costs processes that it is not about, on ${Object.keys(kernels).join(', ')}; some minutes each.
  --json  one JSON document a kernel instead of the table
`;
const { values } = readOptions(usage, { options: { json: { type: 'boolean', default: false } } });
await build();
// both beside the policy's object, which is loaded from there
compile('workload', ['bench/policy/workload.c']);
await bundle('bench/policy/main.ts', 'bench-policy.mjs');

const micro = (nanoseconds) => (nanoseconds / 1000).toFixed(1);
const asJson = values.json;
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
