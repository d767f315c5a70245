/** Medians, percentiles and rates. Pure. */

export interface Summary {
  /** microseconds */
  readonly p50: number;
  readonly p99: number;
  /** operations per second, taking down what was made included */
  readonly rate: number;
  readonly samples: number;
}

/** One run of a program: latencies of all its clients, and the time from their common start to the last one's end; in nanoseconds. */
export interface Run {
  readonly latencies: readonly number[];
  readonly elapsed: number;
}

/** The value below which the share lies (nearest rank). `sorted` is not empty. */
export function percentile(sorted: readonly number[], share: number): number {
  const rank = Math.min(sorted.length - 1, Math.max(0, Math.ceil(sorted.length * share) - 1));
  return sorted[rank] ?? Number.NaN;
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

export function median(values: readonly number[]): number {
  return percentile(ascending(values), 0.5);
}

/** All runs of one kind as one: percentiles over every sample, the median of the runs' rates. */
export function summarise(runs: readonly Run[]): Summary {
  const sorted = ascending(runs.flatMap(({ latencies }) => latencies));
  const rates = runs.map(({ latencies, elapsed }) => (latencies.length * 1e9) / elapsed);
  return { p50: percentile(sorted, 0.5) / 1000, p99: percentile(sorted, 0.99) / 1000, rate: median(rates), samples: sorted.length };
}
