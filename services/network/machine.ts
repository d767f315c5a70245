/**
 * The life of an interface until somebody has it. It is labelled with its namespace as soon as it is there, so that whoever removes it
 * later, this process or its next life, knows whose it is. What can't be labelled is taken away again.
 */
import { setup } from 'xstate';

export type InterfaceEvent =
  | { readonly type: 'MADE' }
  /** something has one of its names already */
  | { readonly type: 'TAKEN' }
  /** what has them is the very interface that is asked for: an answer was lost */
  | { readonly type: 'THERE' }
  /** the same, but whoever made it died before it was labelled */
  | { readonly type: 'BARE' }
  | { readonly type: 'LABELLED' }
  | { readonly type: 'REFUSED' };

/** Hears of an event that the state has no use for: a bug. */
export type Unexpected = (state: string, event: InterfaceEvent) => void;

/** Values that only carry their types to XState. */
const types: { events: InterfaceEvent; context: { unexpected: Unexpected }; input: Unexpected } = {
  events: { type: 'MADE' },
  context: { unexpected() {} },
  input() {},
};

/** One for all interfaces: making a machine costs many times what running it does. */
export const interfaceMachine = setup({
  types,
  actions: {
    unexpected: ({ context, self, event }) => context.unexpected(String(self.getSnapshot().value), event),
  },
}).createMachine({
  id: 'interface',
  context: ({ input }) => ({ unexpected: input }),
  initial: 'making',
  on: { '*': { actions: 'unexpected' } },
  states: {
    making: { on: { MADE: 'labelling', TAKEN: 'recognising', REFUSED: 'refused' } },
    recognising: { on: { THERE: 'given', BARE: 'labelling', REFUSED: 'refused' } },
    labelling: { on: { LABELLED: 'given', REFUSED: 'undone' } },
    given: { type: 'final' },
    /** nothing was made */
    refused: { type: 'final' },
    /** it was taken away again */
    undone: { type: 'final' },
  },
});
