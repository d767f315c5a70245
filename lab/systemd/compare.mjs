/** Postern beside systemd's daemons, call by call (test/lab/systemd), as one of the lab's runs. */
import { join } from 'node:path';
import { bundle, out, root } from '../programs.mjs';
import { runUnderSystemd } from './boot.mjs';
import { prepareImages } from './prepare.mjs';

/** Each suite gets this long: trixie takes some nine minutes, sid half an hour. */
const limitMs = 2_400_000;

/** What every suite said, for `node lab/systemd/table.mjs`. */
export const comparisonFile = join(out, 'lab-systemd-report.json');

export async function prepareComparison() {
  await bundle('test/lab/systemd/main.ts', 'lab-systemd.mjs');
  prepareImages();
}

/** @param {string} suite key of `suites` */
export function comparison(suite) {
  const passed = ['LAB_CASES', 'LAB_TIMES'].filter((name) => process.env[name] !== undefined);
  const environment = { HOME: '/root', ...Object.fromEntries(passed.map((name) => [name, process.env[name]])) };
  const command = [process.execPath, join(out, 'lab-systemd.mjs'), suite, root];
  const job = { command, environment, interactive: false, cwd: root };
  return {
    name: suite,
    boot: (options) => ({ label: `systemd of ${suite}`, status: runUnderSystemd(suite, job, { ...options, timeoutMs: limitMs }) }),
  };
}
