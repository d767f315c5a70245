/**
 * The life of one request. Descriptors are outside (descriptors.ts): whatever happens here, the bag is closed at the end. So is which stage it is
 * with (mesh/trail.ts), which changes several times a request and never what can become of it.
 *
 *     received (→ asking) → working → answering → done
 *                     ↘ failed, cancelled, timed out, from wherever it is
 */
import { assign, setup } from 'xstate';
import type { PosternError } from '../../mesh/errors.ts';
import type { Refusal } from './errors.ts';

/** Why a request failed. */
export type Cause = PosternError | Refusal;

export type RequestEvent =
  /** polkit is asked whether the caller may; from here on the request has other times, since a person may have to answer */
  | { readonly type: 'ASKED'; readonly times: Times }
  /** the caller may have what it asks for */
  | { readonly type: 'AUTHORISED' }
  /** there is a result, and it is being written to the client */
  | { readonly type: 'ANSWERED' }
  /** the client's kernel has the whole answer */
  | { readonly type: 'WRITTEN' }
  | { readonly type: 'FAILED'; readonly error: Cause }
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
  /** why it failed */
  readonly error: Cause | null;
}

/** Values that only carry their types to XState. */
const types: { context: Context; input: Input; events: RequestEvent } = {
  context: { patience: 0, budget: 0, error: null },
  input: { budget: 0 },
  events: { type: 'AUTHORISED' },
};

/** Flat, and with no more than it needs: at each call its cost is a good part of the gateway's (bench/README.md). */
export const requestMachine = setup({
  types,
  delays: { deadline: ({ context }) => context.budget, patience: ({ context }) => context.patience },
  actions: {
    fail: assign((_, error: Cause) => ({ error })),
    setTimes: assign((_, times: Times) => ({ ...times })),
  },
}).createMachine({
  id: 'request',
  context: ({ input }) => ({ patience: 0, budget: input.budget, error: null }),
  initial: 'received',
  on: {
    FAILED: { target: '.failed', actions: { type: 'fail', params: ({ event }) => event.error } },
    CLIENT_GONE: '.cancelled',
    // Nothing else is of consequence; that a sibling says it is told in the log by whoever heard it.
    '*': {},
  },
  states: {
    received: {
      after: { deadline: 'timedOut' },
      on: {
        AUTHORISED: 'working',
        ASKED: { target: 'asking', actions: { type: 'setTimes', params: ({ event }) => event.times } },
      },
    },
    asking: {
      after: { patience: 'timedOut' },
      on: {
        AUTHORISED: 'working',
      },
    },
    working: {
      after: { deadline: 'timedOut' },
      on: {
        ANSWERED: 'answering',
      },
    },
    /** Too late to fail. How long the client may take is its connection's affair, which ends with CLIENT_GONE. */
    answering: { on: { WRITTEN: 'done', FAILED: {} } },
    done: { type: 'final' },
    failed: { type: 'final' },
    cancelled: { type: 'final' },
    timedOut: { type: 'final' },
  },
});
