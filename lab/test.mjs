/** The lab's part of `npm test`: its tests on the kernels that are always tried, or on all with `--all`, and beside systemd's daemons. */
import { kernels } from './kernels.mjs';
import { runTests } from './suite.mjs';
import { suites } from './systemd/roots.mjs';

const all = process.argv.includes('--all');
const chosen = Object.keys(kernels).filter((name) => all || kernels[name].always);
process.exitCode = await runTests(chosen, { systemd: Object.keys(suites) });
