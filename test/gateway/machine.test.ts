/** Every path through a request's machine ends, and every wait in it is over some time. */

import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { machineClock, SimulatedClock } from '../../mesh/clock.ts';
import { PosternError } from '../../mesh/errors.ts';
import { type RequestEvent, requestMachine } from '../../services/gateway/machine.ts';

const patience = 5000;
const longer = 7000;
const asked: RequestEvent = { type: 'ASKED', times: { patience, budget: longer } };
const events: readonly RequestEvent[] = [
  asked,
  { type: 'AUTHORISED' },
  { type: 'ANSWERED' },
  { type: 'WRITTEN' },
  { type: 'FAILED', error: new PosternError('INTERNAL') },
  { type: 'CLIENT_GONE' },
];
const ends = ['done', 'failed', 'cancelled', 'timedOut'];
const budget = 1000;

function started(clock = new SimulatedClock()) {
  const actor = createActor(requestMachine, { input: { budget }, clock: machineClock(clock) });
  actor.start();
  return { actor, clock };
}

function working() {
  const life = started();
  life.actor.send({ type: 'AUTHORISED' });
  return life;
}

describe('paths', () => {
  it('from wherever a request is, each end can be reached', () => {
    const paths = getSimplePaths(requestMachine, {
      input: { budget },
      events,
      serializeState: (state) => JSON.stringify(state.value),
      serializeEvent: (event) => event.type,
    });
    const reached = new Set(paths.map(({ state }) => state.value));
    const states = ['received', 'asking', 'working', 'answering', 'done', 'failed', 'cancelled'];
    expect([...reached].sort()).toEqual(states.sort());
    for (const { state } of paths) {
      const onward = getShortestPaths(requestMachine, { fromState: state, events, serializeState: (next) => JSON.stringify(next.value) });
      expect(
        onward.some(({ state: last }) => last.status === 'done'),
        JSON.stringify(state.value),
      ).toBe(true);
    }
  });

  it('whatever happened before, a request that is under way ends with its deadline', () => {
    const prefixes: RequestEvent[][] = [[], [{ type: 'AUTHORISED' }]];
    for (const prefix of prefixes) {
      const { actor, clock } = started();
      for (const event of prefix) actor.send(event);
      clock.advance(budget - 1);
      expect(actor.getSnapshot().status).toBe('active');
      clock.advance(1);
      expect(actor.getSnapshot().value).toBe('timedOut');
    }
  });

  it('while polkit is asked, a person has their own time, and the work afterwards its own', () => {
    const { actor, clock } = started();
    actor.send(asked);
    clock.advance(patience - 1);
    expect(actor.getSnapshot().value).toBe('asking');
    actor.send({ type: 'AUTHORISED' });
    clock.advance(longer - 1);
    expect(actor.getSnapshot().value).toBe('working');
    clock.advance(1);
    expect(actor.getSnapshot().value).toBe('timedOut');
  });

  it('a question that nobody answers ends with its time', () => {
    const { actor, clock } = started();
    actor.send(asked);
    clock.advance(patience);
    expect(actor.getSnapshot().value).toBe('timedOut');
    expect(clock.pending).toBe(0);
  });

  it('no end leaves a timer behind', () => {
    for (const [event, end] of [
      [{ type: 'FAILED', error: new PosternError('INTERNAL') }, 'failed'],
      [{ type: 'CLIENT_GONE' }, 'cancelled'],
    ] as const) {
      const { actor, clock } = working();
      actor.send(event);
      expect(actor.getSnapshot().value).toBe(end);
      expect(clock.pending).toBe(0);
    }
  });

  it('events in any order never break it', () => {
    for (const first of events) {
      for (const second of events) {
        for (const third of events) {
          const { actor } = started();
          for (const event of [first, second, third]) if (actor.getSnapshot().status === 'active') actor.send(event);
          const { status, value } = actor.getSnapshot();
          expect(
            status === 'active' || ends.includes(JSON.stringify(value).replaceAll('"', '')),
            `${first.type} ${second.type} ${third.type}`,
          ).toBe(true);
          actor.stop();
        }
      }
    }
  });
});

describe('what ends it, and what does not', () => {
  it('the deadline is no matter any more once the answer is being written', () => {
    const { actor, clock } = working();
    actor.send({ type: 'ANSWERED' });
    clock.advance(budget * 10);
    expect(actor.getSnapshot().value).toBe('answering');
    actor.send({ type: 'WRITTEN' });
    expect(actor.getSnapshot().value).toBe('done');
  });

  it('a failure is none any more once the answer is being written', () => {
    const { actor } = working();
    actor.send({ type: 'ANSWERED' });
    actor.send({ type: 'FAILED', error: new PosternError('SERVICE_DIED', 'lsm') });
    actor.send({ type: 'WRITTEN' });
    expect(actor.getSnapshot().value).toBe('done');
  });

  it('nobody is answered who may not ask', () => {
    const { actor } = started();
    actor.send({ type: 'ANSWERED' });
    expect(actor.getSnapshot().value).toBe('received');
  });
});
