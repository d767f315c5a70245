/** The lab's part of `npm test`: its tests on the kernels that are always tried, or on all with `--all`. */
import { kernels } from './kernels.mjs';
import { runTests } from './suite.mjs';

const all = process.argv.includes('--all');
process.exitCode = await runTests(Object.keys(kernels).filter((name) => all || kernels[name].always));
