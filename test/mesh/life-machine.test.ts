/** The machine of a service's lives: every path through it ends, every wait has an end, and nothing is acted on twice. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { machineClock, SimulatedClock } from '../../mesh/clock.ts';
import { type LifeEvent, lifeMachine, startLimit, stopLimit } from '../../mesh/machine.ts';
import { mostUnstable } from '../../mesh/restart-budget.ts';

const exited: LifeEvent = { type: 'EXITED', killed: false };
const allEvents: LifeEvent[] = [
  { type: 'READY' },
  { type: 'EMPTIED' },
  { type: 'CONDEMNED' },
  exited,
  { ...exited, killed: true },
  { type: 'STOP' },
];

/** A running machine, what it did, and its clock. */
function life(emptiesRoot = false) {
  const did: string[] = [];
  const clock = new SimulatedClock();
  const act = (name: string) => () => void did.push(name);
  const actions = { launch: act('launch'), emptyRoot: act('emptyRoot'), askToStop: act('askToStop'), kill: act('kill') };
  const actor = createActor(
    lifeMachine(actions, emptiesRoot, () => clock.now()),
    { clock: machineClock(clock) },
  );
  actor.start();
  const state = () => actor.getSnapshot().value;
  return { actor, clock, did, state, send: (...events: LifeEvent[]) => events.forEach((event) => void actor.send(event)) };
}

describe('a life', () => {
  it('is launched, gets ready, and is launched again as soon as it ended after good work', () => {
    const { send, clock, did, state } = life();
    send({ type: 'READY' });
    clock.advance(1_000);
    send(exited);
    clock.advance(0);
    expect({ did, state: state() }).toEqual({ did: ['launch', 'launch'], state: 'starting' });
  });

  it('whose root is to be emptied is not ready before that', () => {
    const { send, did, state } = life(true);
    send({ type: 'READY' });
    expect(state()).toBe('emptying');
    send({ type: 'EMPTIED' });
    expect({ did, state: state() }).toEqual({ did: ['launch', 'emptyRoot'], state: 'ready' });
  });

  it('that does not get ready is killed', () => {
    const { clock, did, state } = life();
    clock.advance(startLimit);
    expect({ did, state: state() }).toEqual({ did: ['launch', 'kill'], state: 'ending' });
  });

  it('that is condemned is killed, and judged when it has ended', () => {
    const { send, did, state } = life();
    send({ type: 'READY' }, { type: 'CONDEMNED' });
    expect({ did, state: state() }).toEqual({ did: ['launch', 'kill'], state: 'ending' });
    send(exited);
    expect(state()).toBe('waiting');
  });

  it('that keeps ending before it was of use is given up', () => {
    const { send, clock, did, state } = life();
    for (let i = 0; i < mostUnstable; i++) {
      send(exited);
      clock.advance(10_000);
    }
    expect(state()).toBe('failed');
    expect(did).toEqual(Array(mostUnstable).fill('launch'));
  });

  it('that does not end when asked is killed', () => {
    const { send, clock, did, state } = life();
    send({ type: 'READY' }, { type: 'STOP' });
    clock.advance(stopLimit);
    send(exited);
    expect({ did, state: state() }).toEqual({ did: ['launch', 'askToStop', 'kill'], state: 'stopped' });
  });

  it('that is over runs no timer', () => {
    const { send, clock } = life();
    send({ type: 'STOP' }, exited);
    expect(clock.pending).toBe(0);
  });
});

describe('every path', () => {
  const nothing = { launch() {}, emptyRoot() {}, askToStop() {}, kill() {} };
  const paths = getShortestPaths(
    lifeMachine(nothing, true, () => 0),
    {
      events: allEvents,
      serializeState: ({ value }) => String(value),
    },
  );

  it('reaches every state that waits for something', () => {
    const reached = new Set(paths.map(({ state }) => String(state.value)));
    expect([...reached].sort()).toEqual(['emptying', 'ending', 'killed', 'ready', 'starting', 'stopped', 'stopping', 'waiting']);
  });

  it('ends when the parent stops, at the latest with the kernel’s word that the process ended', () => {
    for (const { steps } of paths) {
      const { send, state, clock } = life(true);
      send(...steps.map(({ event }) => event).filter((event) => allEvents.some(({ type }) => type === event.type)));
      if (state() !== 'stopped') send({ type: 'STOP' });
      clock.advance(stopLimit);
      if (state() !== 'stopped') send(exited);
      expect(state()).toBe('stopped');
    }
  });

  it('ends without any event but the ends of its processes', () => {
    for (const { steps } of paths) {
      const { send, state, clock } = life(true);
      send(...steps.map(({ event }) => event).filter((event) => allEvents.some(({ type }) => type === event.type)));
      for (let i = 0; i < 2 * mostUnstable && state() !== 'stopped' && state() !== 'failed'; i++) {
        clock.advance(startLimit);
        send(exited);
      }
      expect(['stopped', 'failed']).toContain(state());
    }
  });
});
