/** How the command line talks: answers on stdout, everything about them on stderr; colour and motion only where a person is looking. */
import type { WriteStream } from 'node:tty';

type Stream = NodeJS.WriteStream | WriteStream;

const codes = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
type Paint = { readonly [K in keyof typeof codes]: (text: string) => string };

/** NO_COLOR (https://no-color.org) set to anything but the empty string switches colour off. */
function painter(stream: Stream): Paint {
  const on = stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  const paint = (code: number) => (text: string) => (on ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { bold, dim, red, green, yellow, cyan } = codes;
  return { bold: paint(bold), dim: paint(dim), red: paint(red), green: paint(green), yellow: paint(yellow), cyan: paint(cyan) };
}

/** For what goes to stdout. */
export const paint: Paint = painter(process.stdout);
const alarm = painter(process.stderr);

let jsonWanted = false;

/** Says at the start of a command whether its answers, errors included, are for a program. */
export function answerInJson(wanted: boolean | undefined): void {
  jsonWanted = wanted === true;
}

export function wantsJson(): boolean {
  return jsonWanted;
}

/** One JSON document on one line. */
export function json(value: unknown, stream: Stream = process.stdout): void {
  stream.write(`${JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? each.toString() : each))}\n`);
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** What happened, why, and what to do next. */
export function complain(what: string, why?: string, next?: string): void {
  const lines = [`postern: ${alarm.red(what)}`];
  if (why !== undefined) lines.push(`  ${alarm.dim('why')}   ${why}`);
  if (next !== undefined) lines.push(`  ${alarm.dim('next')}  ${next}`);
  process.stderr.write(`${lines.join('\n')}\n`);
}

/** The visible width of a text that may be coloured. */
function width(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences that `paint` writes begin with one
  return text.replace(/\x1b\[\d+m/g, '').length;
}

/** Rows in columns that line up, two blanks between; the last column may be as long as it likes. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => width(row[i] ?? ''))));
  const line = (row: readonly string[]) => row.map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - width(cell))).join('  ');
  return rows.map((row) => `${indent}${line(row)}`.trimEnd()).join('\n');
}

const unitNames = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** Bytes as a person reads them, with three digits at most before the point. */
export function size(bytes: number): string {
  const power = bytes < 1024 ? 0 : Math.min(unitNames.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${unitNames[power]}`;
}

const barWidth = 24;
/** Often enough to look smooth, seldom enough to cost nothing. */
const redrawEvery = 80;

/** A bar on stderr, drawn only where that is a terminal, and taken away at its end. */
export class Progress implements Disposable {
  #drawn = 0;
  readonly #on = process.stderr.isTTY === true && !jsonWanted;

  show(label: string, done: number, total: number): void {
    const now = performance.now();
    if (!this.#on || now - this.#drawn < redrawEvery) return;
    this.#drawn = now;
    const share = total > 0 ? Math.min(1, done / total) : 0;
    const filled = Math.round(share * barWidth);
    const bar = alarm.cyan('━'.repeat(filled)) + alarm.dim('─'.repeat(barWidth - filled));
    const room = Math.max(8, (process.stderr.columns || 80) - barWidth - 24);
    process.stderr.write(`\r\x1b[2K${label.slice(0, room)} ${bar} ${Math.floor(share * 100)}%${total > 0 ? ` of ${size(total)}` : ''}`);
  }

  end(): void {
    if (this.#drawn > 0) process.stderr.write('\r\x1b[2K');
    this.#drawn = 0;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
