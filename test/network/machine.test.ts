/** The life of an interface: every way of it ends, and nothing stays half made. */
import { describe, expect, it } from 'vitest';
import { createActor } from 'xstate';
import { getSimplePaths } from 'xstate/graph';
import { PosternError } from '../../mesh/errors.ts';
import { addInterface } from '../../services/network/addition.ts';
import type { Making, Order, Recognition } from '../../services/network/kinds.ts';
import { LinkError, type Links } from '../../services/network/links.ts';
import { type InterfaceEvent, interfaceMachine } from '../../services/network/machine.ts';
import { recordingLog } from '../support/mesh.ts';

const events: readonly InterfaceEvent[] = (['MADE', 'TAKEN', 'THERE', 'BARE', 'LABELLED', 'REFUSED'] as const).map((type) => ({ type }));

describe('the machine', () => {
  it('ends as given, refused or undone on every way', () => {
    const unexpected: string[] = [];
    const paths = getSimplePaths(interfaceMachine, { events: [...events], input: (state) => void unexpected.push(state) });
    const ends = paths.filter(({ state }) => state.status === 'done').map(({ state }) => state.value);
    expect(new Set(ends)).toEqual(new Set(['given', 'refused', 'undone']));
  });

  it('is given nothing that was not labelled', () => {
    const actor = createActor(interfaceMachine, { input: () => {} }).start();
    actor.send({ type: 'MADE' });
    expect(actor.getSnapshot().value).toBe('labelling');
    actor.send({ type: 'REFUSED' });
    expect(actor.getSnapshot().value).toBe('undone');
  });

  it('tells of an event that it has no use for, and stays', () => {
    const unexpected: string[] = [];
    const actor = createActor(interfaceMachine, { input: (state, { type }) => void unexpected.push(`${state} ${type}`) }).start();
    actor.send({ type: 'LABELLED' });
    expect([actor.getSnapshot().value, unexpected]).toEqual(['making', ['making LABELLED']]);
  });
});

describe('an interface', () => {
  const order: Order = { request: 1, namespace: 'id:7', kind: 'veth', name: 'ns-1', alternative: 'ns-0-web', inner: 'host0', owner: 0 };
  const exists = new LinkError('EEXIST', 'RTM_NEWLINK', null);

  /** What was done, and how it ended; each step fails that is given an error. */
  function run(faults: { make?: Error; alias?: Error; alternative?: Error; undo?: Error }, recognition: Recognition = 'another') {
    const done: string[] = [];
    const step = (name: string, error?: Error) => {
      done.push(name);
      if (error !== undefined) throw error;
    };
    const making: Making = {
      descriptors: [],
      make: () => step('make', faults.make),
      recognise: () => {
        done.push('recognise');
        return recognition;
      },
      undo: () => step('undo', faults.undo),
    };
    const links: Pick<Links, 'setAlias' | 'addAlternativeName'> = {
      setAlias: (name, alias) => step(`label ${name} ${alias}`, faults.alias),
      addAlternativeName: (_name, alternative) => step(`call ${alternative}`, faults.alternative),
    };
    const { log, lines } = recordingLog('network');
    try {
      addInterface(order, making, links, log);
      return { done, lines: lines.length, end: 'given' };
    } catch (thrown) {
      return { done, lines: lines.length, end: thrown instanceof PosternError ? `${thrown.code} ${thrown.detail}` : String(thrown) };
    }
  }
  const labelled = ['label ns-1 postern:id:7', 'call ns-0-web'];

  it('is made and labelled', () => {
    expect(run({})).toEqual({ done: ['make', ...labelled], lines: 0, end: 'given' });
  });

  it('that is there already and asked for again is left as it is', () => {
    expect(run({ make: exists }, 'ours')).toEqual({ done: ['make', 'recognise'], lines: 0, end: 'given' });
  });

  it('that a process died over is labelled by the next', () => {
    expect(run({ make: exists }, 'bare').done).toEqual(['make', 'recognise', ...labelled]);
  });

  it('whose name another has is refused with the kernel’s word', () => {
    expect(run({ make: exists }, 'another')).toMatchObject({ done: ['make', 'recognise'], end: 'INTERFACE_FAILED EEXIST, RTM_NEWLINK' });
  });

  it('that can’t be labelled is taken away', () => {
    const alias = new LinkError('ENOMEM', 'RTM_SETLINK', null);
    expect(run({ alias })).toMatchObject({
      done: ['make', 'label ns-1 postern:id:7', 'undo'],
      end: 'INTERFACE_FAILED ENOMEM, RTM_SETLINK',
    });
    expect(run({ alias, undo: exists })).toMatchObject({ lines: 1, end: 'INTERFACE_FAILED ENOMEM, RTM_SETLINK' });
  });

  it('goes without its longer name where another has that', () => {
    expect(run({ alternative: exists })).toMatchObject({ lines: 1, end: 'given' });
  });

  it('does not hide a bug behind the kernel’s word', () => {
    expect(run({ make: new RangeError('a bug') }).end).toBe('RangeError: a bug');
  });
});
