/**
 * Runs every check of the project, part by part, and ends with one line: `N passed, N failed`, and `, N skipped` where some were.
 * A part is: types, lint, the tests on this machine's kernel, and the lab's tests on other kernels.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bold, dim, duration, green, red, stopwatch, yellow } from './say.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), 'postern-test-'));
const reportFile = join(scratch, 'report.json');

/** Runs a program of the project with its output passed on; resolves to its status and the last lines that it printed. */
function run(args, { tee = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', tee ? 'pipe' : 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    });
    let tail = '';
    child.stdout?.on('data', (chunk) => {
      process.stdout.write(chunk);
      tail = (tail + chunk).slice(-4096);
    });
    child.on('error', () => resolve({ status: 1, tail }));
    child.on('close', (status) => resolve({ status: status ?? 1, tail }));
  });
}

/** A tool that only says yes or no counts as one check. */
async function check(args) {
  const { status } = await run(args);
  return status === 0 ? { passed: 1, failed: 0, skipped: [] } : { passed: 0, failed: 1, skipped: [] };
}

async function vitest() {
  const reporters = ['--reporter=default', '--reporter=./tools/reporter.mjs'];
  const { status } = await run(['node_modules/vitest/vitest.mjs', 'run', ...reporters], { env: { POSTERN_TEST_REPORT: reportFile } });
  if (!existsSync(reportFile)) return { passed: 0, failed: 1, skipped: [] };
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  // vitest also fails where no single test did, for one when it found no test at all
  return status !== 0 && report.failed === 0 ? { ...report, failed: 1 } : report;
}

/** The lab counts for itself and ends with the same kind of line. */
async function lab() {
  const { status, tail } = await run(['lab/test.mjs'], { tee: true });
  const [, passed = 0, failed = 0, skipped = 0] = tail.match(/(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/) ?? [];
  const told = {
    passed: Number(passed),
    failed: Number(failed),
    skipped: Array(Number(skipped)).fill({ name: 'lab', reason: 'see above' }),
  };
  return status !== 0 && told.failed === 0 ? { ...told, failed: 1 } : told;
}

const parts = [
  ['types', () => check(['node_modules/typescript/bin/tsc', '--noEmit'])],
  ['lint', () => check(['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'])],
  ['this kernel', vitest],
  ...(existsSync(join(root, 'lab/test.mjs')) ? [['lab', lab]] : []),
];

const total = stopwatch();
const results = [];
for (const [name, part] of parts) {
  console.log(bold(`\n${name}`));
  const time = stopwatch();
  results.push({ name, ...(await part()), ms: time() });
}
rmSync(scratch, { recursive: true });

const sum = (count) => results.reduce((all, result) => all + count(result), 0);
const line = (passed, failed, skipped) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
const skips = results.flatMap(({ skipped }) => skipped);

if (skips.length > 0) console.log(bold('\nskipped'));
for (const { name, reason } of skips) console.log(`  ${yellow('·')} ${name}${reason === '' ? '' : dim(`  ${reason}`)}`);
console.log(bold('\nresult'));
for (const { name, passed, failed, skipped, ms } of results) {
  console.log(
    `  ${failed > 0 ? red('✗') : green('✓')} ${name.padEnd(14)} ${line(passed, failed, skipped.length).padEnd(36)} ${duration(ms)}`,
  );
}
console.log(`  all in ${duration(total())}\n`);
const failed = sum((result) => result.failed);
console.log(
  line(
    sum((result) => result.passed),
    failed,
    skips.length,
  ),
);
process.exitCode = failed > 0 ? 1 : 0;
