/** The life of an attachment, as a table: every path ends, and what nobody waits for is seen. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { type AttachmentEvent, attachmentMachine } from '../../services/mounter/machine.ts';

const types: readonly AttachmentEvent['type'][] = ['SETTLED', 'MOUNTED', 'DEVICE_NEEDED', 'REFUSED'];

function life() {
  const seen: string[] = [];
  const actor = createActor(attachmentMachine, {
    input: {
      settle: () => seen.push('settle'),
      mount: () => seen.push('mount'),
      unexpected: (type) => seen.push(`unexpected ${type}`),
    },
  });
  actor.start();
  return { actor, seen };
}

describe('the life of an attachment', () => {
  it('begins with its devices', () => {
    expect(life().seen).toEqual(['settle']);
  });

  it('ends as mounted or refused, wherever it is', () => {
    const paths = getSimplePaths(attachmentMachine, {
      input: { settle() {}, mount() {}, unexpected() {} },
      events: types.map((type) => ({ type })),
    });
    const states = new Set(paths.map(({ state }) => String(state.value)));
    expect(states).toEqual(new Set(['settling', 'mounting', 'mounted', 'refused']));
    for (const { state } of paths) {
      const ends = state.status === 'done' || types.some((type) => state.can({ type }));
      expect(ends, String(state.value)).toBe(true);
    }
    for (const from of ['settling', 'mounting']) {
      const refused = paths.some(({ state, steps }) => state.value === 'refused' && steps.some((step) => step.state.value === from));
      expect(refused, `${from} can be refused`).toBe(true);
    }
  });

  it('looks for devices again when the kernel wants one after all', () => {
    const { actor, seen } = life();
    for (const type of ['SETTLED', 'DEVICE_NEEDED', 'SETTLED', 'MOUNTED'] as const) actor.send({ type });
    expect(seen).toEqual(['settle', 'mount', 'settle', 'mount']);
    expect(actor.getSnapshot().status).toBe('done');
  });

  it('shows an event that came when nobody waited for it', () => {
    const { actor, seen } = life();
    actor.send({ type: 'MOUNTED' });
    expect(seen).toEqual(['settle', 'unexpected MOUNTED']);
    expect(actor.getSnapshot().value).toBe('settling');
  });
});
