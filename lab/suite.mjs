/** Runs the lab's tests under one kernel after the other, and sums up what they say. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runUnder } from './boot.mjs';
import { fetchKernel } from './kernels.mjs';
import { prepareTests } from './prepare.mjs';

/** Each kernel gets this long: two or three minutes alone, four times that on a machine that has other things to do. */
const limitMs = 1_200_000;

/** What every kernel said, for `node lab/table.mjs` and whoever sums up. */
export const reportFile = join(process.cwd(), 'dist/lab-report.json');

/**
 * Passes lines on and counts the results among them: `ok NAME`, `not ok NAME`, `skip NAME  REASON`. `data JSON` is kept for the written
 * report and not shown.
 */
function counting(release) {
  const facts = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  let rest = '';
  const take = (line) => {
    if (line.startsWith('data ')) return facts.push(JSON.parse(line.slice(5)));
    if (line.startsWith('ok ')) counts.passed++;
    else if (line.startsWith('not ok ')) counts.failed++;
    else if (line.startsWith('skip ')) counts.skipped++;
    process.stdout.write(`${release}: ${line}\n`);
  };
  const write = (chunk) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(take);
  };
  // what a boot said before it died is said once more by the next
  const again = () => {
    rest = '';
    facts.length = 0;
    Object.assign(counts, { passed: 0, failed: 0, skipped: 0 });
  };
  return { counts, facts, stream: { write }, again, flush: () => rest !== '' && take(rest) };
}

const sentence = ({ passed, failed, skipped }) => `${passed} passed, ${failed} failed, ${skipped} skipped`;

/**
 * @param {string[]} names keys of `kernels`
 * @param {{ verbose?: boolean }} options
 * @returns {Promise<number>} exit status: 0 when nothing failed
 */
export async function runTests(names, { verbose = false } = {}) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const lines = [];
  const report = [];
  const { firmware } = await prepareTests();
  for (const name of names) {
    const { counts, facts, stream, again, flush } = counting(name);
    let label = name;
    try {
      const kernel = fetchKernel(name);
      label = kernel.release;
      const command = [process.execPath, join(process.cwd(), 'dist/lab-tests.mjs')];
      const status = await runUnder(
        kernel,
        {
          command,
          environment: { HOME: '/root', ...(process.env.LAB_PARTS ? { LAB_PARTS: process.env.LAB_PARTS } : {}) },
          interactive: false,
          cwd: process.cwd(),
        },
        { stdout: stream, verbose, timeoutMs: limitMs, again, firmware },
      );
      flush();
      // a run that broke off must not pass for what it had got done
      if (status !== 0 && counts.failed === 0) counts.failed++;
    } catch (error) {
      process.stdout.write(`not ok ${label}: ${error.message}\n`);
      counts.failed++;
    }
    report.push({ kernel: label, counts, facts });
    lines.push(`lab ${label}: ${sentence(counts)}`);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  writeFileSync(reportFile, `${JSON.stringify(report, null, 1)}\n`);
  process.stdout.write(`report: ${reportFile}\n${lines.join('\n')}\n${sentence(total)}\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}
