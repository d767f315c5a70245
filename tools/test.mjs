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

/** What stands for a failure whose name and reason its own tool has printed. */
const above = { name: 'see above', reason: '' };

/** A tool that only says yes or no counts as one check. */
async function check(args) {
  const { status } = await run(args);
  return status === 0 ? { passed: 1, failures: [], skipped: [] } : { passed: 0, failures: [above], skipped: [] };
}

async function vitest() {
  const reporters = ['--reporter=default', '--reporter=./tools/reporter.mjs'];
  const { status } = await run(['node_modules/vitest/vitest.mjs', 'run', ...reporters], { env: { POSTERN_TEST_REPORT: reportFile } });
  if (!existsSync(reportFile)) return { passed: 0, failures: [above], skipped: [] };
  const report = JSON.parse(readFileSync(reportFile, 'utf8'));
  // vitest also fails where no single test did, for one when it found no test at all
  return status !== 0 && report.failures.length === 0 ? { ...report, failures: [above] } : report;
}

/** The lab counts for itself and ends with the same kind of line. */
async function lab() {
  const { status, tail } = await run(['lab/test.mjs'], { tee: true });
  const [, passed = 0, failed = 0, skipped = 0] = tail.match(/(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/) ?? [];
  const told = {
    passed: Number(passed),
    failures: Array(Number(failed)).fill(above),
    skipped: Array(Number(skipped)).fill({ name: 'lab', reason: 'see above' }),
  };
  return status !== 0 && told.failures.length === 0 ? { ...told, failures: [above] } : told;
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

const line = (passed, failed, skipped) => `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
/** A reason under its failure, cut where it is as long as a diff can be. */
const indented = (reason) => (reason === '' ? '' : `\n${reason.slice(0, 4096)}`.replaceAll('\n', '\n      '));
const skips = results.flatMap(({ skipped }) => skipped);
const failures = results.flatMap(({ name: part, failures }) => failures.map((failure) => ({ part, ...failure })));

if (skips.length > 0) console.log(bold('\nskipped'));
for (const { name, reason } of skips) console.log(`  ${yellow('·')} ${name}${reason === '' ? '' : dim(`  ${reason}`)}`);
if (failures.length > 0) console.log(bold('\nfailed'));
for (const { part, name, reason } of failures) console.log(`  ${red('✗')} ${part}: ${name}${indented(reason)}`);
console.log(bold('\nresult'));
for (const { name, passed, failures, skipped, ms } of results) {
  const mark = failures.length > 0 ? red('✗') : green('✓');
  console.log(`  ${mark} ${name.padEnd(14)} ${line(passed, failures.length, skipped.length).padEnd(36)} ${duration(ms)}`);
}
console.log(`  all in ${duration(total())}\n`);
console.log(
  line(
    results.reduce((all, { passed }) => all + passed, 0),
    failures.length,
    skips.length,
  ),
);
process.exitCode = failures.length > 0 ? 1 : 0;
