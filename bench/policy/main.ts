/**
 * What the policy costs a process that it is not about: the same work with and without it, in turns on one running kernel, whose order
 * changes from round to round. Runs as root in the lab; `npm run bench:policy` brings it there. Prints one line of JSON.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { configSchema } from '../../services/lsm/config.ts';
import { loadPolicy } from '../../services/lsm/load.ts';
import { median } from '../statistics.ts';

const rounds = 7;
const touches = 2000;
const pins = '/sys/fs/bpf/postern-bench';
const folder = '/home/bench';
const workload = join(dirname(fileURLToPath(import.meta.url)), 'workload');

/** A unit as a compiler meets it: most of the work is finding and reading headers. */
const unit = '#include <stdio.h>\n#include <stdlib.h>\n#include <sys/socket.h>\nint main(void) { return puts("unit") < 0; }\n';

const works = {
  'open, create, unlink': ['touch', folder, String(touches)],
  'compile a file': ['build', folder, 'cc', '-c', '-o', 'unit.o', 'unit.c'],
} as const;

const once = (work: readonly string[]) => Number(execFileSync(workload, work, { encoding: 'utf8' }));

/** The second of two: putting programs in force changes the kernel's own code, which an emulator translates anew at its first use. */
function nanoseconds(work: readonly string[]): number {
  once(work);
  return once(work);
}

/** Puts the policy in force for as long as the work takes. */
function guarded(work: readonly string[]): number {
  const { policy, reason } = loadPolicy(v.parse(configSchema, { pins }), () => undefined);
  if (policy === null) throw new Error(reason);
  try {
    return nanoseconds(work);
  } finally {
    policy.close();
    lift();
  }
}

/** The programs end with their pins. */
function lift(): void {
  for (const kind of readdirSync(pins)) {
    for (const name of readdirSync(join(pins, kind))) unlinkSync(join(pins, kind, name));
    rmdirSync(join(pins, kind));
  }
  rmdirSync(pins);
}

function compare(work: readonly string[]): { readonly with: number; readonly without: number } {
  const all = { with: [] as number[], without: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const);
    for (const side of order) all[side].push(side === 'with' ? guarded(work) : nanoseconds(work));
  }
  return { with: median(all.with), without: median(all.without) };
}

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'unit.c'), unit);
const results = Object.entries(works).map(([name, work]) => ({ name, ...compare(work) }));
process.stdout.write(`${JSON.stringify({ kernel: release(), rounds, results })}\n`);
