/** The life of a verification, as a table: every path ends, and nothing that has ended is passed on. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { SimulatedClock } from '../../mesh/clock.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Progress } from '../../services/verity/flights.ts';
import { type Life, Lives } from '../../services/verity/lives.ts';
import { type VerificationEvent, verificationMachine } from '../../services/verity/machine.ts';

const types: readonly VerificationEvent['type'][] = ['RECOGNISED', 'PERMITTED', 'OBTAINED', 'DOUBTED', 'VOUCHED', 'REFUSED', 'CANCELLED'];
const working = ['reading', 'judging', 'obtaining', 'asking'];
const finals = ['approved', 'refused', 'cancelled', 'broken'];

const silent = () => {};
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof PosternError ? thrown.code : String(thrown)),
  );

describe('the life of a verification', () => {
  it('ends, whatever comes, and can be refused and cancelled wherever it is', () => {
    const paths = getSimplePaths(verificationMachine, { events: types.map((type) => ({ type })) });
    expect(new Set(paths.map(({ state }) => String(state.value)))).toEqual(new Set([...working, ...finals]));
    for (const { state } of paths) expect(state.status === 'done', String(state.value)).toBe(finals.includes(String(state.value)));
    for (const from of working)
      for (const end of ['refused', 'cancelled', 'broken']) {
        const way = paths.some(({ state, steps }) => state.value === end && steps.at(-2)?.state.value === from);
        expect(way, `${from} to ${end}`).toBe(true);
      }
  });

  it('is approved in one way only', () => {
    const paths = getSimplePaths(verificationMachine, { events: types.map((type) => ({ type })) });
    const ways = paths.filter(({ state }) => state.value === 'approved');
    expect(ways).toHaveLength(1);
    expect(ways[0]?.steps.map(({ event }) => event.type)).toEqual(['xstate.init', 'RECOGNISED', 'PERMITTED', 'OBTAINED']);
  });

  it.each([[], ['RECOGNISED'], ['RECOGNISED', 'PERMITTED']] as const)(
    'begins anew where somebody vouched for an image, %j after',
    (...steps) => {
      const actor = createActor(verificationMachine).start();
      for (const type of [...steps, 'DOUBTED', 'VOUCHED'] as const) actor.send({ type });
      expect(actor.getSnapshot().value).toBe('reading');
    },
  );

  it('does not take a step twice or out of turn', async () => {
    const lives = new Lives(new SimulatedClock());
    expect(await codeOf(lives.run(1, silent, async (life) => life.step('OBTAINED')))).toContain('does not follow');
    expect(lives.status()).toMatchObject({ now: {}, ended: { broken: 1 } });
  });

  it('takes no further step once it was cancelled', async () => {
    const lives = new Lives(new SimulatedClock());
    const work = lives.run(1, silent, async (life) => {
      life.step('RECOGNISED');
      lives.cancel(1);
      life.step('PERMITTED');
    });
    expect(await codeOf(work)).toBe('CANCELLED');
    expect(lives.status()).toMatchObject({ now: {}, ended: { approved: 0, refused: 0, cancelled: 1 } });
  });

  it('is over before it begins when its cancellation was quicker', async () => {
    const lives = new Lives(new SimulatedClock());
    lives.cancel(7);
    expect(await codeOf(lives.run(7, silent, async (life) => life.step('RECOGNISED')))).toBe('CANCELLED');
    expect(await codeOf(lives.run(8, silent, async (life) => life.step('RECOGNISED')))).toBe('done');
  });

  it('ends with the gateway that asked, and leaves nothing for the next one’s numbers', async () => {
    const lives = new Lives(new SimulatedClock());
    lives.cancel(2);
    const work = lives.run(1, silent, async (life) => {
      lives.cancelAll();
      life.step('RECOGNISED');
    });
    expect(await codeOf(work)).toBe('CANCELLED');
    expect(await codeOf(lives.run(2, silent, async (life) => life.step('RECOGNISED')))).toBe('done');
  });

  it('tells how far it is four times a second at most, and only while it obtains', async () => {
    const clock = new SimulatedClock();
    const lives = new Lives(clock);
    const told: Progress[] = [];
    const at = (life: Life, done: number, milliseconds: number) => {
      clock.advance(milliseconds);
      life.progress({ phase: 'copying', done, total: 9 });
    };
    await lives.run(
      1,
      (progress) => void told.push(progress),
      async (life) => {
        at(life, 0, 1000);
        life.step('RECOGNISED');
        life.step('PERMITTED');
        at(life, 1, 0);
        at(life, 2, 249);
        at(life, 3, 250);
        at(life, 4, 1000);
        life.step('OBTAINED');
        at(life, 5, 1000);
      },
    );
    expect(told.map(({ done }) => done)).toEqual([1, 3, 4]);
  });
});
