/** The C programs: the floor, the client, the workload. Each prints one JSON line with what it measured. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import type { Run } from './statistics.ts';

const execute = promisify(execFile);
/** Room for the latencies of the longest run. */
const maxOutput = 64 * 1024 * 1024;
/** Whoever asks the server is an ordinary user. */
const ordinary = '1000';

const outputShape = v.object({ elapsed: v.number(), latencies: v.pipe(v.array(v.number()), v.minLength(1)) });

export interface Programs {
  /** the kernel's own work, as root */
  floor(...args: readonly (string | number)[]): Promise<Run>;
  /** a client of the server, as an ordinary user */
  load(...args: readonly (string | number)[]): Promise<Run>;
}

/** Runs a program that measures (bench/measure.h). */
export async function measure(file: string, args: readonly (string | number)[]): Promise<Run> {
  const { stdout } = await execute(file, args.map(String), { maxBuffer: maxOutput });
  return v.parse(outputShape, JSON.parse(stdout));
}

/** @param folder where `floor` and `load` were built (tools/bench.mjs) */
export function programsIn(folder: string): Programs {
  const drop = [`--reuid=${ordinary}`, `--regid=${ordinary}`, '--clear-groups', '--'];
  return {
    floor: (...args) => measure(join(folder, 'floor'), args),
    load: (...args) => measure('setpriv', [...drop, join(folder, 'load'), ...args]),
  };
}
