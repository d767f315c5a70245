/** The policy's life: tried once at start, then in force or refused for as long as this process lives. */
import { assign, setup } from 'xstate';

/** What loading came to. `reason` is a sentence for the operator. */
export type LoadResult = { readonly type: 'LOADED'; readonly reason: string } | { readonly type: 'REFUSED'; readonly reason: string };

/** A sibling that must know came up, or this process started. */
export type PolicyEvent = LoadResult | { readonly type: 'ALLOCATOR_UP' };

export interface PolicyState {
  readonly enforcing: boolean;
  readonly reason: string;
}

/** Values that only carry their types to XState. */
const types: { context: { reason: string }; events: PolicyEvent } = { context: { reason: '' }, events: { type: 'ALLOCATOR_UP' } };

/**
 * @param announce tells the allocator; called on entering a settled state and whenever a new life of the allocator comes up
 */
export function policyMachine(announce: (state: PolicyState) => void) {
  return setup({
    types,
    actions: {
      announceEnforcing: ({ context }) => announce({ enforcing: true, reason: context.reason }),
      announceRefused: ({ context }) => announce({ enforcing: false, reason: context.reason }),
    },
  }).createMachine({
    id: 'policy',
    initial: 'loading',
    context: { reason: 'not tried yet' },
    states: {
      loading: {
        on: {
          LOADED: { target: 'enforcing', actions: assign({ reason: ({ event }) => event.reason }) },
          REFUSED: { target: 'refused', actions: assign({ reason: ({ event }) => event.reason }) },
          // told as soon as it is settled
          ALLOCATOR_UP: {},
        },
      },
      enforcing: { entry: 'announceEnforcing', on: { ALLOCATOR_UP: { actions: 'announceEnforcing' }, '*': {} } },
      refused: { entry: 'announceRefused', on: { ALLOCATOR_UP: { actions: 'announceRefused' }, '*': {} } },
    },
  });
}
