/**
 * What the policy costs a process that it is not about: the same work with and without it, in turns on one running kernel, whose order
 * changes from round to round. Runs as root in the lab; `npm run bench:policy` brings it there. Prints one line of JSON.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { configSchema } from '../../services/lsm/config.ts';
import { loadPolicy } from '../../services/lsm/load.ts';
import { lift } from '../../services/lsm/pins.ts';
import { measure } from '../programs.ts';
import { median } from '../statistics.ts';

const rounds = 7;
const touches = 2000;
const pins = '/sys/fs/bpf/postern-bench';
const folder = '/home/bench';
const workload = join(dirname(fileURLToPath(import.meta.url)), 'workload');

/** A unit as a compiler meets it: most of the work is finding and reading headers. */
const unit = '#include <stdio.h>\n#include <stdlib.h>\n#include <sys/socket.h>\nint main(void) { return puts("unit") < 0; }\n';

type Side = 'with' | 'without';

const works = {
  'open, create, unlink': ['touch', folder, String(touches)],
  'compile a file': ['build', folder, 'cc', '-c', '-o', 'unit.o', 'unit.c'],
} as const;

/** The median one, of the second of two runs: putting programs in force changes the kernel's own code, which an emulator translates anew at its first use. */
async function nanoseconds(work: readonly string[]): Promise<number> {
  await measure(workload, work);
  return median((await measure(workload, work)).latencies);
}

/** Puts the policy in force for as long as the work takes. */
async function guarded(work: readonly string[]): Promise<number> {
  const { policy, reason } = loadPolicy(v.parse(configSchema, { pins }), () => undefined);
  if (policy === null) throw new Error(reason);
  try {
    return await nanoseconds(work);
  } finally {
    policy.close();
    lift(pins);
  }
}

async function compare(work: readonly string[]): Promise<Record<Side, number>> {
  const all: Record<Side, number[]> = { with: [], without: [] };
  for (let round = 0; round < rounds; round++) {
    const order: readonly Side[] = round % 2 === 0 ? ['with', 'without'] : ['without', 'with'];
    for (const side of order) all[side].push(await (side === 'with' ? guarded(work) : nanoseconds(work)));
  }
  return { with: median(all.with), without: median(all.without) };
}

mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'unit.c'), unit);
const results: unknown[] = [];
for (const [name, work] of Object.entries(works)) results.push({ name, ...(await compare(work)) });
process.stdout.write(`${JSON.stringify({ kernel: release(), rounds, results })}\n`);
