/**
 * The life of one request. Descriptors are outside (descriptors.ts): whatever happens here, the bag is closed at the end.
 *
 *     received (→ asking) → authorised → at a stage → … → answering → done
 *                     ↘ failed, cancelled, timed out, from wherever it is
 */
import { assign, setup } from 'xstate';
import { PosternError } from '../../mesh/errors.ts';
import type { Whereabouts } from '../../mesh/trail.ts';
import type { Refusal } from './errors.ts';

/** Why a request failed. */
export type Cause = PosternError | Refusal;

export type RequestEvent =
  /** polkit is asked whether the caller may; from here on the request has other times, since a person may have to answer */
  | { readonly type: 'ASKED'; readonly times: Times }
  /** the caller may have what it asks for */
  | { readonly type: 'AUTHORISED' }
  /** the request is with this life of a stage now */
  | { readonly type: 'MOVED'; readonly at: Whereabouts }
  /** there is a result, and it is being written to the client */
  | { readonly type: 'ANSWERED' }
  /** the client's kernel has the whole answer */
  | { readonly type: 'WRITTEN' }
  | { readonly type: 'FAILED'; readonly error: Cause }
  /** a life of a stage ended */
  | { readonly type: 'STAGE_DIED'; readonly died: Whereabouts }
  | { readonly type: 'CLIENT_GONE' };

export interface Times {
  /** milliseconds for the question */
  readonly patience: number;
  /** milliseconds from when the caller may have it to the deadline */
  readonly budget: number;
}

interface Input {
  /** milliseconds from now to the deadline */
  readonly budget: number;
}

interface Context extends Times {
  readonly at: Whereabouts | null;
  /** why it failed */
  readonly error: Cause | null;
}

/** Values that only carry their types to XState. */
const types: { context: Context; input: Input; events: RequestEvent } = {
  context: { patience: 0, budget: 0, at: null, error: null },
  input: { budget: 0 },
  events: { type: 'AUTHORISED' },
};

export const requestMachine = setup({
  types,
  delays: { deadline: ({ context }) => context.budget, patience: ({ context }) => context.patience },
  guards: {
    /** a stage that died with the request, or that had died before the request set out for it */
    heldIt: ({ context: { at } }, died: Whereabouts) => at !== null && at.stage === died.stage && at.generation <= died.generation,
  },
  actions: {
    fail: assign((_, error: Cause) => ({ error })),
    move: assign((_, at: Whereabouts) => ({ at })),
    setTimes: assign((_, times: Times) => ({ ...times })),
    /** polkit has answered: what becomes of it is of no matter any more */
    comeBack: assign({ at: null }),
  },
}).createMachine({
  id: 'request',
  context: ({ input }) => ({ patience: 0, budget: input.budget, at: null, error: null }),
  initial: 'underway',
  states: {
    underway: {
      initial: 'received',
      on: {
        FAILED: { target: 'failed', actions: { type: 'fail', params: ({ event }) => event.error } },
        STAGE_DIED: {
          guard: { type: 'heldIt', params: ({ event }) => event.died },
          target: 'failed',
          actions: { type: 'fail', params: ({ event }) => new PosternError('SERVICE_DIED', event.died.stage) },
        },
        CLIENT_GONE: 'cancelled',
        // Nothing else is of consequence here; that a sibling says it is told in the log by whoever heard it.
        '*': {},
      },
      states: {
        received: {
          after: { deadline: '#request.timedOut' },
          on: {
            AUTHORISED: 'working',
            ASKED: { target: 'asking', actions: { type: 'setTimes', params: ({ event }) => event.times } },
          },
        },
        asking: {
          after: { patience: '#request.timedOut' },
          on: {
            MOVED: { actions: { type: 'move', params: ({ event }) => event.at } },
            AUTHORISED: { target: 'working', actions: 'comeBack' },
          },
        },
        working: {
          initial: 'authorised',
          after: { deadline: '#request.timedOut' },
          states: {
            authorised: {
              on: {
                MOVED: { target: 'at', actions: { type: 'move', params: ({ event }) => event.at } },
                ANSWERED: '#request.answering',
              },
            },
            at: {
              on: {
                MOVED: { actions: { type: 'move', params: ({ event }) => event.at } },
                ANSWERED: '#request.answering',
              },
            },
          },
        },
      },
    },
    /** How long the client may take is its connection's affair, which ends with CLIENT_GONE. */
    answering: { on: { WRITTEN: 'done', CLIENT_GONE: 'cancelled', '*': {} } },
    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    timedOut: { type: 'final' },
  },
});
