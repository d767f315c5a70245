/**
 * The lab's part of `npm test`: its tests on the kernels that are always tried, and what stock clients do most, beside systemd's daemons. With
 * `--all`: on every kernel, and every call in every suite.
 */
import { kernels } from './kernels.mjs';
import { runTests } from './suite.mjs';
import { suites } from './systemd/roots.mjs';

/** A few minutes' worth; the whole takes a quarter of an hour in each suite. In the suite whose daemons start in no time under emulation. */
const usual = {
  systemd: ['trixie'],
  cases: [
    'validate-idl',
    'AllocateUserRange: size 65536',
    'signed, readOnly',
    'Names:',
    'systemd-dissect signed.raw',
    '--list',
    '--with',
    'nspawn:',
  ],
};

const all = process.argv.includes('--all');
const chosen = Object.keys(kernels).filter((name) => all || kernels[name].always);
process.exitCode = await runTests(chosen, all ? { systemd: Object.keys(suites) } : usual);
