/** The table that people read. Pure. */
import { type Aim, judge, type Results } from './aims.ts';
import type { Summary } from './statistics.ts';

const time = (microseconds: number) => `${(microseconds / 1000).toFixed(2)}`;
const columns = (cells: readonly string[], widths: readonly number[]) =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ');

const widths = [40, 8, 8, 8, 8, 8, 8, 7];

function summaryCells({ p50, p99, rate }: Summary): string[] {
  return [time(p50), time(p99), rate.toFixed(0)];
}

export function table(results: Results): string {
  return [callLines(results), firstMountLines(results), heldLines(results), judge(results).map(aimLine)]
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n');
}

function callLines({ scenarios }: Results): string[] {
  if (scenarios.length === 0) return [];
  return [
    columns(['', 'floor', '', '', 'Postern', '', '', ''], widths),
    columns(['', 'p50 ms', 'p99 ms', '1/s', 'p50 ms', 'p99 ms', '1/s', 'p50 ×'], widths),
    ...scenarios.map(({ name, clients, floor, server }) => {
      const who = `${name}, ${clients} client${clients === 1 ? '' : 's'}`;
      return columns([who, ...summaryCells(floor), ...summaryCells(server), (server.p50 / floor.p50).toFixed(1)], widths);
    }),
  ];
}

function firstMountLines({ firstMounts }: Results): string[] {
  return firstMounts.map(
    ({ mebibytes, server, sha256 }) =>
      `first mount of ${mebibytes.toFixed(0)} MiB: ${server.toFixed(2)} ms a MiB; plain SHA-256: ${sha256.toFixed(2)} ms a MiB`,
  );
}

function heldLines({ held }: Results): string[] {
  if (held === null) return [];
  return [`${held.held} ranges held: the first hundred took ${time(held.first)} ms each, the last ${time(held.last)} ms (medians)`];
}

function aimLine({ aim, measured, met }: Aim): string {
  return `${met ? '✓' : '✗'} ${aim}: ${measured}`;
}
