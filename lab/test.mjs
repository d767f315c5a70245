/**
 * The lab's part of `npm test`: its tests on the kernels that are always tried. With `--all`: on every kernel, and Postern beside systemd's
 * daemons, which takes ten minutes more for trixie and half an hour for sid.
 */
import { kernels } from './kernels.mjs';
import { runTests } from './suite.mjs';
import { suites } from './systemd/roots.mjs';

const all = process.argv.includes('--all');
const chosen = Object.keys(kernels).filter((name) => all || kernels[name].always);
process.exitCode = await runTests(chosen, { systemd: all ? Object.keys(suites) : [] });
