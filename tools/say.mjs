/** How the tools talk: one line per step with its time, in colour only where a person is looking. */
import { performance } from 'node:perf_hooks';

const colour = process.stdout.isTTY === true && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = (text) => paint('1', text);
export const dim = (text) => paint('2', text);
export const green = (text) => paint('32', text);
export const red = (text) => paint('31', text);
export const yellow = (text) => paint('33', text);

/** Milliseconds as a person reads them: `40 ms`, `3.2 s`, `2 min 5 s`. */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** Starts a clock; calling it gives the time since. */
export function stopwatch() {
  const start = performance.now();
  return () => performance.now() - start;
}

/** One finished step: a mark, what it was, what came of it, how long it took. */
export function step(name, outcome, ms) {
  console.log(`  ${green('✓')} ${name.padEnd(18)} ${outcome}${ms === undefined ? '' : dim(`  ${duration(ms)}`)}`);
}

/** Something a person should know that stops nothing. */
export function note(text) {
  console.log(`  ${yellow('·')} ${text}`);
}

/** Ends the tool: what happened, and what to do next. */
export function stop(what, next) {
  console.error(`  ${red('✗')} ${what}`);
  if (next !== undefined) console.error(`    ${next}`);
  process.exit(1);
}
