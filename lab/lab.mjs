/**
 * The laboratory: a real Debian kernel for what this machine's kernel has not.
 *   npm run lab                              the lab's tests, on the kernels that `npm test` takes
 *   npm run lab -- --all                     on every kernel
 *   npm run lab -- --kernel 6.12 COMMAND…    one command under one kernel; its exit status is passed on
 *   npm run lab -- shell                     a shell in it
 *   npm run lab -- --systemd sid             Postern beside systemd's daemons, call by call, in Debian sid or trixie with systemd as PID 1
 *   npm run lab -- --systemd sid COMMAND…    one command there; a shell likewise
 */
import { readOptions } from '../tools/options.mjs';
import { runUnder } from './boot.mjs';
import { fetchKernel, kernels } from './kernels.mjs';
import { runTests } from './suite.mjs';
import { runUnderSystemd } from './systemd/boot.mjs';
import { suites } from './systemd/roots.mjs';

/** Options that take a value. */
const valued = ['--kernel', '--systemd'];

/** Options of ours come before the command; what follows belongs to the command. */
function parse(words) {
  const ours = [];
  const rest = [...words];
  while (rest.length > 0 && rest[0].startsWith('-')) {
    const option = rest.shift();
    ours.push(option);
    if (valued.includes(option) && rest.length > 0) ours.push(rest.shift());
  }
  const { values } = readOptions(usage, {
    args: ours.filter((word) => word !== '--'),
    options: {
      kernel: { type: 'string', multiple: true },
      systemd: { type: 'string', multiple: true },
      all: { type: 'boolean' },
      verbose: { type: 'boolean' },
    },
  });
  return { ...values, command: rest };
}

const usage = `usage: npm run lab -- [--kernel NAME]… [--systemd SUITE]… [--all] [--verbose] [shell | COMMAND…]
kernels: ${Object.keys(kernels).join(', ')}, or the beginning of a release
suites with systemd as PID 1: ${Object.keys(suites).join(', ')}
`;

async function main() {
  const { kernel: names, systemd, all, verbose, command } = parse(process.argv.slice(2));
  if (command.length === 0) {
    const always = Object.keys(kernels).filter((name) => all || kernels[name].always);
    const chosen = names ?? (systemd === undefined ? always : []);
    process.exitCode = await runTests(chosen, { verbose, systemd });
    return;
  }
  const interactive = command[0] === 'shell' && command.length === 1;
  if (interactive) process.stderr.write('lab: this machine’s files are read-only in it; exit ends it\n');
  const environment = { HOME: '/root', TERM: process.env.TERM ?? 'dumb', ...(process.env.CI ? { CI: process.env.CI } : {}) };
  const job = { command: interactive ? ['sh', '-i'] : command, environment, interactive, cwd: process.cwd() };
  process.exitCode =
    systemd === undefined
      ? await runUnder(fetchKernel(names?.[0] ?? '6.12'), job, { verbose })
      : await runUnderSystemd(systemd[0], job, { kernel: names?.[0], verbose });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`lab: ${error.message}\n`);
  process.exitCode = 70;
}
