/** A call that a stock client makes, and how Postern's answer is expected to stand beside the original's. */
import type { Ground } from './ground.ts';

export type Suite = 'sid' | 'trixie';

/** What a call came to, without what differs from run to run. */
export interface Outcome {
  /** an exit status, or the name of a Varlink error, or `ok` */
  readonly status: string;
  readonly text: string;
  /** what helps to see why, but is not compared */
  readonly aside?: string;
}

/**
 * What was found when it was looked at last. `same`: the outcomes are equal. The others say in a sentence why they are not, and what
 * Postern's must show, so that it can't become a third thing unseen.
 */
export type Verdict =
  | 'same'
  | { readonly verdict: 'better'; readonly why: string; readonly shows?: RegExp }
  | { readonly verdict: 'missing'; readonly why: string; readonly shows?: RegExp };

export const better = (why: string, shows?: RegExp): Verdict => ({ verdict: 'better', why, ...(shows === undefined ? {} : { shows }) });
export const missing = (why: string, shows?: RegExp): Verdict => ({ verdict: 'missing', why, ...(shows === undefined ? {} : { shows }) });

export interface Expectation {
  /** of every suite, or of some; `same` where nothing is said */
  readonly verdict?: Verdict | Partial<Record<Suite, Verdict>>;
  /** the call, or what it uses, came to systemd after trixie's, which refuses it */
  readonly newer?: boolean;
  /** the suites whose programs can make the call at all; all when left out */
  readonly suites?: readonly Suite[];
}

export interface Case extends Expectation {
  /** heading in the table */
  readonly group: string;
  /** what is called, as the table shows it */
  readonly name: string;
  run(ground: Ground): Promise<Outcome>;
}

const newer = better('systemd 257 does not know it');

export function expected({ verdict, newer: isNewer }: Expectation, suite: Suite): Verdict {
  if (verdict !== undefined && (typeof verdict === 'string' || 'verdict' in verdict)) return verdict;
  return verdict?.[suite] ?? (isNewer === true && suite === 'trixie' ? newer : 'same');
}

/** What says nothing about a server: the case itself did not come to its end. Two of these are not the same answer. */
export const noOutcomes: readonly string[] = ['no outcome', 'no range', 'too long', '127'];

/** @returns what contradicts the recorded verdict, or nothing */
export function contradiction(verdict: Verdict, originals: Outcome, postern: Outcome): string | undefined {
  for (const { status, text } of [originals, postern]) if (noOutcomes.includes(status)) return `${status}: ${text}`;
  const equal = originals.status === postern.status && originals.text === postern.text;
  const both = `originals: ${brief(originals)}; Postern: ${brief(postern)}`;
  if (verdict === 'same') return equal ? undefined : both;
  if (equal) return `no longer ${verdict.verdict}: both answer ${brief(postern)}`;
  const shown = `${postern.status}\n${postern.text}`;
  if (verdict.shows !== undefined && !verdict.shows.test(shown)) return `Postern does not show ${verdict.shows}; ${both}`;
  return undefined;
}

const briefLength = 600;
const brief = ({ status, text, aside }: Outcome) =>
  `${status} ${JSON.stringify(text.slice(0, briefLength))}${aside === undefined ? '' : ` (${JSON.stringify(aside.slice(-briefLength))})`}`;
