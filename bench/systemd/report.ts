/** The table, and whether the aims are met. Pure. */
import type { Cost, Measured, Result } from './measure.ts';

/** The aims are for this many clients. */
const clientsOfAims = 16;
/** At least so many times the originals' calls a second. */
const rateTimes = 5;

const head = [
  '| call | clients | originals p50 (of) | p99 | 1/s | CPU | Postern p50 (of) | p99 | 1/s | CPU | rate × |',
  '|---|---|---|---|---|---|---|---|---|---|---|',
];

const ms = (microseconds: number) => (microseconds / 1000).toFixed(1);
const cells = (cost: Cost | string) =>
  typeof cost === 'string'
    ? ['–', '–', '–', '–']
    : [`${ms(cost.p50)} (${cost.samples})`, ms(cost.p99), cost.rate.toFixed(1), `${ms(cost.cpu.own)} + ${ms(cost.cpu.others)}`];

interface Pair {
  readonly call: string;
  readonly clients: number;
  readonly originals: Cost | string;
  readonly postern: Cost | string;
}

function pairs(measured: readonly Measured[]): Pair[] {
  const of = (server: string) => measured.filter((one) => one.server === server);
  const ours = of('Postern');
  return of('originals').map(({ call, clients, cost }) => ({
    call,
    clients,
    originals: cost,
    postern: ours.find((one) => one.call === call && one.clients === clients)?.cost ?? 'not measured',
  }));
}

function row({ call, clients, originals, postern }: Pair): string {
  const both = typeof originals !== 'string' && typeof postern !== 'string';
  const times = both ? (postern.rate / originals.rate).toFixed(1) : '–';
  return `| ${[call, clients, ...cells(originals), ...cells(postern), times].join(' | ')} |`;
}

function verdict({ call, originals, postern }: Pair): string {
  if (typeof originals === 'string') return `- ${call}: nothing to compare with; the originals: \`${originals}\``;
  if (typeof postern === 'string') return `- ${call}: **missed**; Postern: \`${postern}\``;
  const times = postern.rate / originals.rate;
  const rate = `${times.toFixed(1)} × the rate${times >= rateTimes ? '' : ' (**missed**)'}`;
  const p99 = `p99 ${ms(postern.p99)} against ${ms(originals.p99)} ms${postern.p99 < originals.p99 ? '' : ' (**missed**)'}`;
  return `- ${call}: ${rate}, ${p99}`;
}

/** Markdown. */
export function report({ measured, memory }: Result): string {
  const all = pairs(measured);
  const held = Object.entries(memory).map(
    ([server, { processes, pss }]) => `${server} ${(pss / 2 ** 20).toFixed(0)} MiB in ${processes} processes`,
  );
  const aims = all.filter(({ clients }) => clients === clientsOfAims).map(verdict);
  const intent = `The aims, with ${clientsOfAims} clients: ${rateTimes} × the originals’ rate, and a lower p99.`;
  return [
    ...[...head, ...all.map(row), ''],
    ...[`Memory after the last call (PSS): ${held.join('; ')}.`, ''],
    ...(aims.length > 0 ? [intent, '', ...aims] : []),
  ].join('\n');
}
