/** Plays many streams at a time and collects what was wrong with each, with the numbers that bring it back. */
import { judge, type Siblings, type Tally } from './judge.ts';
import { makePlan, type Plan, type PlanOptions } from './plan.ts';
import { type Hand, talk } from './talker.ts';

export interface CorpusOptions {
  readonly path: string;
  readonly seed: number;
  readonly count: number;
  readonly parallel: number;
  readonly endings: PlanOptions['endings'];
  readonly hand: Hand;
  readonly siblings: Siblings;
}

export interface CorpusResult {
  readonly faults: readonly string[];
  readonly tally: Tally;
}

/** More would only repeat it. */
const mostFaults = 10;

/** POSTERN_STREAM_SEED makes other streams; POSTERN_STREAM plays just one, by the number that a fault was reported with. */
export const seed = Number(process.env.POSTERN_STREAM_SEED ?? 2026);
const only = process.env.POSTERN_STREAM;

export async function playCorpus({ path, seed, count, parallel, endings, hand, siblings }: CorpusOptions): Promise<CorpusResult> {
  const tally: Tally = new Map();
  const faults: string[] = [];
  /** Those that have fallen silent wait beside the others. */
  const silent = new Set<Promise<void>>();
  let next = only === undefined ? 0 : Number(only);
  const end = only === undefined ? count : next + 1;
  const play = async (index: number, plan: Plan) => {
    try {
      judge(plan, await talk(path, plan, hand), siblings, tally);
    } catch (error) {
      faults.push(`seed ${seed}, stream ${index} (${plan.ending}): ${error instanceof Error ? error.message : error}\n${show(plan)}`);
    }
  };
  const lane = async () => {
    while (next < end && faults.length < mostFaults) {
      const index = next;
      next += 1;
      const plan = makePlan({ seed, index, endings });
      const played = play(index, plan);
      if (plan.ending !== 'stall') {
        await played;
        continue;
      }
      silent.add(played);
      void played.finally(() => silent.delete(played));
    }
  };
  await Promise.all(Array.from({ length: parallel }, lane));
  await Promise.all(silent);
  return { faults, tally };
}

function show({ parts }: Plan): string {
  return parts.map(({ bytes, descriptors }) => `  [${descriptors}] ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`).join('\n');
}
