/** Debian with systemd as PID 1 in the virtual machine, on the kernel that the suite is tried with. */
import { runUnder } from '../boot.mjs';
import { fetchKernel } from '../kernels.mjs';
import { fetchRoot, suites } from './roots.mjs';

/**
 * Runs a command as root in a suite once its service manager is up, and that of the ordinary user `lab` (1000) too. The project, Node and
 * `../shared` lie at the paths that they have outside, read-only; /home, /tmp, /var/tmp and /var/lib/{machines,portables,postern} are memory.
 * @param {keyof typeof suites} suite
 * @param {Parameters<typeof runUnder>[1]} job what to run
 * @param {Parameters<typeof runUnder>[2] & { kernel?: string }} [options] `kernel`: another than the suite's, as `fetchKernel` takes it
 * @returns {Promise<number>} the command's exit status. Rejects when no boot came to an end.
 */
export function runUnderSystemd(suite, job, { kernel, ...options } = {}) {
  const userland = fetchRoot(suite);
  // with two, each waits for the other whenever the machine outside has other things to do
  return runUnder(fetchKernel(kernel ?? suites[suite].kernel), job, { processors: 1, ...options, userland });
}
