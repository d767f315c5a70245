/**
 * The life of an allocation. A range is on record before anything is done with it, and the policy is in force before its first ID
 * is mapped. What can't be undone by the end (maps that may be written) stays on record until the namespace is gone.
 */
import { setup } from 'xstate';

export type AllocationEvent =
  /** the journal has it; `guarded`: the lsm service must restrict the namespace first */
  | { readonly type: 'RECORDED'; readonly guarded: boolean }
  /** the policy is in force for the namespace */
  | { readonly type: 'RESTRICTED' }
  /** both maps are written */
  | { readonly type: 'MAPPED' }
  /** it can't be, and nothing is mapped */
  | { readonly type: 'REFUSED' }
  /** an attempt to map has failed, and something may be mapped */
  | { readonly type: 'UNCLEAR' };

/** Hears of an event that the state has no use for: a bug. */
export type Unexpected = (state: string, event: AllocationEvent) => void;

/** Values that only carry their types to XState. */
const types: { events: AllocationEvent; context: { unexpected: Unexpected }; input: Unexpected } = {
  events: { type: 'RESTRICTED' },
  context: { unexpected() {} },
  input() {},
};

/** One for all allocations: making a machine costs many times what running it does. */
export const allocationMachine = setup({
  types,
  guards: {
    guarded: ({ event }) => event.type === 'RECORDED' && event.guarded,
  },
  actions: {
    unexpected: ({ context, self, event }) => context.unexpected(String(self.getSnapshot().value), event),
  },
}).createMachine({
  id: 'allocation',
  context: ({ input }) => ({ unexpected: input }),
  initial: 'picked',
  states: {
    picked: {
      on: {
        RECORDED: [{ guard: 'guarded', target: 'restricting' }, { target: 'mapping' }],
        REFUSED: 'refused',
        '*': { actions: 'unexpected' },
      },
    },
    restricting: { on: { RESTRICTED: 'mapping', REFUSED: 'undone', '*': { actions: 'unexpected' } } },
    mapping: { on: { MAPPED: 'held', REFUSED: 'undone', UNCLEAR: 'left', '*': { actions: 'unexpected' } } },
    /** the caller has its range */
    held: { type: 'final' },
    /** nothing was recorded */
    refused: { type: 'final' },
    /** the range is back in its pool */
    undone: { type: 'final' },
    /** failed, but on record until the namespace is gone */
    left: { type: 'final' },
  },
});
