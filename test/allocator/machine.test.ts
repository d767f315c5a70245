/** The life of an allocation: every path ends, and none maps an ID that is not on record or not restricted. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { type AllocationEvent, allocationMachine } from '../../services/allocator/machine.ts';

const events: AllocationEvent[] = [
  { type: 'RECORDED', guarded: true },
  { type: 'RECORDED', guarded: false },
  { type: 'RESTRICTED' },
  { type: 'MAPPED' },
  { type: 'REFUSED' },
  { type: 'UNCLEAR' },
];
const paths = getSimplePaths(allocationMachine, { events, input: () => {} });
const walk = (path: (typeof paths)[number]) => path.steps.map(({ event }) => event).filter(({ type }) => !type.startsWith('xstate.'));

describe('every path', () => {
  it('ends in one of four ways', () => {
    const ends = paths.filter(({ state }) => state.status === 'done').map(({ state }) => state.value);
    expect(new Set(ends)).toEqual(new Set(['held', 'undone', 'refused', 'left']));
  });

  it('to a mapping goes by the record, and by the restriction where the range is guarded', () => {
    for (const path of paths.filter(({ state }) => state.value === 'held')) {
      const [first, second] = walk(path);
      expect(first?.type).toBe('RECORDED');
      expect(second?.type).toBe(first?.type === 'RECORDED' && first.guarded ? 'RESTRICTED' : 'MAPPED');
    }
  });

  it('passes on to an end from every state', () => {
    const ended = paths.filter(({ state }) => state.status === 'done');
    const passed = new Set(ended.flatMap(({ steps }) => steps.map(({ state }) => state.value)));
    for (const { state } of paths.filter(({ state }) => state.status !== 'done')) expect(passed).toContain(state.value);
  });
});

it('an event that a state has no use for is heard of, and changes nothing', () => {
  const heard: string[] = [];
  const actor = createActor(allocationMachine, { input: (state, event) => heard.push(`${state}: ${event.type}`) }).start();
  actor.send({ type: 'MAPPED' });
  actor.send({ type: 'RECORDED', guarded: true });
  actor.send({ type: 'MAPPED' });
  expect(heard).toEqual(['picked: MAPPED', 'restricting: MAPPED']);
  expect(actor.getSnapshot().value).toBe('restricting');
});
