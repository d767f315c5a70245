/** A stream as a hostile client sends it: its bytes, where it is cut, which descriptors come with which part, and how it ends. */

import { type Expected, expect } from './oracle.ts';
import { Random } from './random.ts';
import { type Kind, makeKind, makeText, type Outcome, overLimit, unfinished } from './texts.ts';

/**
 * `stay`: waits for its answers, then leaves. `half`: says that nothing more comes, and reads to the end. `late`: the same, and begins to read
 * only after a while. `stall`: falls silent inside a message. `leave`: is gone with the last byte. `abort`: is gone somewhere before that.
 */
export const endings = ['stay', 'half', 'late', 'stall', 'leave', 'abort'] as const;
export type Ending = (typeof endings)[number];

export interface Part {
  readonly bytes: Buffer;
  readonly descriptors: readonly Kind[];
  /** what the client does before the next part */
  readonly pause: 'none' | 'turn' | 'moment';
}

export interface Plan {
  readonly parts: readonly Part[];
  readonly ending: Ending;
  readonly expected: Expected;
}

export interface PlanOptions {
  readonly seed: number;
  readonly index: number;
  readonly endings: readonly (readonly [weight: number, ending: Ending])[];
}

/** The same stream for the same numbers. */
export function makePlan({ seed, index, endings }: PlanOptions): Plan {
  const random = new Random(seed, index);
  const ending = random.weighted(endings.map(([weight, name]) => [weight, () => name] as const));
  const bytes: Buffer[] = [];
  const descriptors = new Map<number, readonly Kind[]>();
  const outcomes = new Map<number, { readonly length: number; readonly outcome: Outcome }>();
  let length = 0;
  const count = 1 + random.below(4);
  for (let place = 0; place < count; place += 1) {
    const text = place === count - 1 && random.chance(0.3) ? overLimit(random) : makeText(random, place);
    if (text.descriptors.length > 0 && text.bytes.length > 0) descriptors.set(length, text.descriptors);
    if (text.outcome !== null) outcomes.set(length, { length: text.bytes.length, outcome: text.outcome });
    bytes.push(text.bytes);
    length += text.bytes.length;
  }
  if (ending === 'stall') bytes.push(unfinished(random));
  const stream = Buffer.concat(bytes);
  // some on a wrong place
  if (random.chance(30) && stream.length > 0) {
    const offset = random.below(stream.length);
    descriptors.set(offset, [makeKind(random)]);
    outcomes.delete(offset);
  }
  const end = ending === 'abort' ? random.below(stream.length + 1) : stream.length;
  const sent = stream.subarray(0, end);
  return { parts: cut(random, sent, descriptors), ending, expected: expect(sent, descriptors, outcomes, ending === 'stall') };
}

/** Cuts anywhere, and wherever descriptors come. */
function cut(random: Random, stream: Buffer, descriptors: ReadonlyMap<number, readonly Kind[]>): Part[] {
  const cuts = random.chance(400) ? random.list(random.below(4), () => random.below(stream.length + 1)) : [];
  // one by one, a short one
  if (stream.length < 100 && random.chance(20)) cuts.push(...stream.keys());
  const pause = random.pick<Part['pause']>(['none', 'none', 'turn', 'moment']);
  const starts = [...new Set([0, ...cuts, ...descriptors.keys()])].filter((start) => start < stream.length).sort((a, b) => a - b);
  return starts.map((start, i) => ({
    bytes: stream.subarray(start, starts[i + 1] ?? stream.length),
    descriptors: descriptors.get(start) ?? [],
    pause,
  }));
}
