/** Every path through a request's machine ends, and every wait in it is over some time. */

import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { machineClock, SimulatedClock } from '../../mesh/clock.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { ServiceName } from '../../mesh/protocol.ts';
import { type RequestEvent, requestMachine } from '../../services/gateway/machine.ts';

const stages: readonly ServiceName[] = ['allocator', 'verity', 'mounter', 'lsm'];
const patience = 5000;
const longer = 7000;
const asked: RequestEvent = { type: 'ASKED', times: { patience, budget: longer } };
const events: readonly RequestEvent[] = [
  asked,
  { type: 'AUTHORISED' },
  ...stages.map((stage) => ({ type: 'MOVED', at: { stage, generation: 2 } }) as const),
  ...stages.map((stage) => ({ type: 'STAGE_DIED', died: { stage, generation: 2 } }) as const),
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

function at(stage: ServiceName) {
  const life = started();
  life.actor.send({ type: 'AUTHORISED' });
  life.actor.send({ type: 'MOVED', at: { stage, generation: 2 } });
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
    const reached = new Set(paths.map(({ state }) => JSON.stringify(state.value)));
    expect([...reached].sort()).toEqual(
      [
        ...[{ underway: 'received' }, { underway: 'asking' }, { underway: { working: 'authorised' } }, { underway: { working: 'at' } }],
        ...['answering', 'done', 'failed', 'cancelled'],
      ]
        .map((value) => JSON.stringify(value))
        .sort(),
    );
    for (const { state } of paths) {
      const onward = getShortestPaths(requestMachine, { fromState: state, events, serializeState: (next) => JSON.stringify(next.value) });
      expect(
        onward.some(({ state: last }) => last.status === 'done'),
        JSON.stringify(state.value),
      ).toBe(true);
    }
  });

  it('whatever happened before, a request that is under way ends with its deadline', () => {
    const prefixes: RequestEvent[][] = [
      [],
      [{ type: 'AUTHORISED' }],
      ...stages.map((stage): RequestEvent[] => [{ type: 'AUTHORISED' }, { type: 'MOVED', at: { stage, generation: 1 } }]),
    ];
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
    expect(actor.getSnapshot().value).toEqual({ underway: 'asking' });
    actor.send({ type: 'AUTHORISED' });
    clock.advance(longer - 1);
    expect(actor.getSnapshot().value).toEqual({ underway: { working: 'authorised' } });
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
      [{ type: 'STAGE_DIED', died: { stage: 'verity', generation: 2 } }, 'failed'],
    ] as const) {
      const { actor, clock } = at('verity');
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
    const { actor, clock } = at('lsm');
    actor.send({ type: 'ANSWERED' });
    clock.advance(budget * 10);
    expect(actor.getSnapshot().value).toBe('answering');
    actor.send({ type: 'WRITTEN' });
    expect(actor.getSnapshot().value).toBe('done');
  });

  it('the death of another stage, or of an earlier life', () => {
    const { actor } = at('verity');
    actor.send({ type: 'STAGE_DIED', died: { stage: 'mounter', generation: 9 } });
    actor.send({ type: 'STAGE_DIED', died: { stage: 'verity', generation: 1 } });
    expect(actor.getSnapshot().value).toEqual({ underway: { working: 'at' } });
    actor.send({ type: 'STAGE_DIED', died: { stage: 'verity', generation: 3 } });
    expect(actor.getSnapshot().context.error).toMatchObject({ code: 'SERVICE_DIED', detail: 'verity' });
  });

  it('the death of polkit while it is asked, and not when it has answered', () => {
    for (const hasAnswered of [false, true]) {
      const { actor } = started();
      actor.send(asked);
      actor.send({ type: 'MOVED', at: { stage: 'polkit', generation: 3 } });
      if (hasAnswered) actor.send({ type: 'AUTHORISED' });
      actor.send({ type: 'STAGE_DIED', died: { stage: 'polkit', generation: 3 } });
      expect(actor.getSnapshot().status).toBe(hasAnswered ? 'active' : 'done');
      if (!hasAnswered) expect(actor.getSnapshot().context.error).toMatchObject({ code: 'SERVICE_DIED', detail: 'polkit' });
    }
  });

  it('nobody is answered who may not ask', () => {
    const { actor } = started();
    actor.send({ type: 'ANSWERED' });
    actor.send({ type: 'MOVED', at: { stage: 'allocator', generation: 1 } });
    expect(actor.getSnapshot().value).toEqual({ underway: 'received' });
  });
});
