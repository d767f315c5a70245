/** Many namespaces that hold ranges at the same time: what the last allocation costs beside the first. */
import type { Programs } from './programs.ts';
import { ascending, percentile } from './statistics.ts';

export const held = 20_000;
/** How many at either end are compared. */
const window = 100;
/** Allocations before the first that counts: a server that has just started compiles itself. */
const warmUp = 1000;

export interface Held {
  readonly held: number;
  /** medians over the first and the last hundred, microseconds */
  readonly first: number;
  readonly last: number;
}

export async function measureHeld(programs: Programs, socket: string): Promise<Held> {
  await programs.load('allocate', socket, 1, warmUp);
  const { latencies } = await programs.load('hold', socket, held);
  const middle = (part: readonly number[]) => percentile(ascending(part), 0.5) / 1000;
  return { held: latencies.length, first: middle(latencies.slice(0, window)), last: middle(latencies.slice(-window)) };
}
