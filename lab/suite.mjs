/** Runs the lab's tests under one kernel after the other, and beside systemd's daemons, and sums up what they say. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { runUnder } from './boot.mjs';
import { fetchKernel } from './kernels.mjs';
import { prepareTests } from './prepare.mjs';
import { out } from './programs.mjs';
import { comparison, prepareComparison } from './systemd/compare.mjs';
import { writeComparison } from './systemd/report.mjs';

/** Each kernel gets this long: some eleven minutes alone, more on a machine that has other things to do. */
const limitMs = 1_800_000;

/** What every kernel said, for `node lab/table.mjs` and whoever sums up. */
export const reportFile = join(out, 'lab-report.json');

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
  // a chunk may end within a character
  const decoder = new StringDecoder();
  const write = (chunk) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
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

/** The project's tests under a bare kernel. */
function onKernel(name, firmware) {
  return {
    name,
    boot(options) {
      const kernel = fetchKernel(name);
      const environment = { HOME: '/root', ...(process.env.LAB_PARTS ? { LAB_PARTS: process.env.LAB_PARTS } : {}) };
      const command = [process.execPath, join(out, 'lab-tests.mjs')];
      const job = { command, environment, interactive: false, cwd: process.cwd() };
      return { label: kernel.release, status: runUnder(kernel, job, { ...options, timeoutMs: limitMs, firmware }) };
    },
  };
}

/** One boot after the other: each with its label, its counts and the facts that it told. */
async function runAll(boots, verbose) {
  const reports = [];
  for (const { name, boot } of boots) {
    const { counts, facts, stream, again, flush } = counting(name);
    let label = name;
    try {
      const begun = boot({ stdout: stream, verbose, again });
      label = begun.label;
      const status = await begun.status;
      flush();
      // a run that broke off must not pass for what it had got done
      if (status !== 0 && counts.failed === 0) counts.failed++;
    } catch (error) {
      process.stdout.write(`not ok ${label}: ${error.message}\n`);
      counts.failed++;
    }
    reports.push({ kernel: label, counts, facts });
  }
  return reports;
}

/**
 * @param {string[]} names keys of `kernels`
 * @param {{ verbose?: boolean, systemd?: string[] }} options `systemd`: keys of `suites`, whose clients are tried too
 * @returns {Promise<number>} exit status: 0 when nothing failed
 */
export async function runTests(names, { verbose = false, systemd = [] } = {}) {
  const { firmware } = await prepareTests();
  const bare = await runAll(
    names.map((name) => onKernel(name, firmware)),
    verbose,
  );
  if (names.length > 0) writeReport(reportFile, bare);
  if (systemd.length > 0) await prepareComparison();
  const whole = await runAll(systemd.map(comparison), verbose);
  if (systemd.length > 0) writeComparison(whole, process.env.LAB_CASES);

  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { kernel, counts } of [...bare, ...whole]) {
    process.stdout.write(`lab ${kernel}: ${sentence(counts)}\n`);
    for (const key of Object.keys(total)) total[key] += counts[key];
  }
  process.stdout.write(`${sentence(total)}\n`);
  return total.failed > 0 || total.passed === 0 ? 1 : 0;
}

function writeReport(file, report) {
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
  process.stdout.write(`report: ${file}\n`);
}
