/**
 * The lives of one service as its parent sees them. The machine decides; the supervisor acts (launches, kills, mails) and sends back
 * what came of it. Every end of a process comes as EXITED, also the ends that we ask for.
 */
import { assign, setup } from 'xstate';
import { judge } from './restart-budget.ts';

/** How long the start work of a service may take: a large registry or store is read in seconds; under emulation all of them take a minute. */
export const startLimit = 120_000;
/** How long a service may take to end when asked; then it is killed. */
export const stopLimit = 2_000;

export type LifeEvent =
  /** the service said that it is ready */
  | { readonly type: 'READY' }
  /** its root is empty */
  | { readonly type: 'EMPTIED' }
  /** it can not be trusted with going on: it said something wrong, or its root could not be emptied */
  | { readonly type: 'CONDEMNED' }
  /** `killed`: by SIGKILL, and not by us */
  | { readonly type: 'EXITED'; readonly killed: boolean }
  | { readonly type: 'STOP' };

export interface LifeActions {
  /** starts a process; what fails about that comes as EXITED */
  launch(): void;
  emptyRoot(): void;
  askToStop(): void;
  kill(): void;
}

interface LifeContext {
  readonly unstable: number;
  readonly restarts: number;
  readonly readySince: number | null;
  readonly pause: number | 'give up';
}

/** Carries only types to XState. */
const types: { context: LifeContext; events: LifeEvent } = {
  context: { unstable: 0, restarts: 0, readySince: null, pause: 0 },
  events: { type: 'STOP' },
};

/**
 * @param emptiesRoot the service is ready only after its root was emptied
 * @param now milliseconds of the clock that the actor runs on
 */
export function lifeMachine(actions: LifeActions, emptiesRoot: boolean, now: () => number) {
  return setup({
    types,
    actions: {
      launch: () => actions.launch(),
      emptyRoot: () => actions.emptyRoot(),
      askToStop: () => actions.askToStop(),
      kill: () => actions.kill(),
      noteReady: assign({ readySince: () => now() }),
      judge: assign(({ context: { unstable, restarts, readySince }, event }) => ({
        ...judge(unstable, {
          readyFor: readySince === null ? null : now() - readySince,
          killed: event.type === 'EXITED' && event.killed,
        }),
        restarts: restarts + 1,
        readySince: null,
      })),
    },
    guards: {
      emptiesRoot: () => emptiesRoot,
      gaveUp: ({ context }) => context.pause === 'give up',
    },
    delays: {
      startLimit,
      stopLimit,
      pause: ({ context }) => (context.pause === 'give up' ? 0 : context.pause),
    },
  }).createMachine({
    id: 'life',
    initial: 'starting',
    context: types.context,
    // What comes too late to matter, such as READY of a process that is being killed.
    on: { '*': {} },
    states: {
      starting: {
        entry: 'launch',
        on: {
          READY: [{ guard: 'emptiesRoot', target: 'emptying' }, { target: 'ready' }],
          EXITED: 'judging',
          CONDEMNED: 'ending',
          STOP: 'stopping',
        },
        after: { startLimit: 'ending' },
      },
      emptying: {
        entry: 'emptyRoot',
        on: { EMPTIED: 'ready', EXITED: 'judging', CONDEMNED: 'ending', STOP: 'stopping' },
        after: { startLimit: 'ending' },
      },
      ready: {
        entry: 'noteReady',
        on: { EXITED: 'judging', CONDEMNED: 'ending', STOP: 'stopping' },
      },
      /** killed by us; the kernel has the last word */
      ending: {
        entry: 'kill',
        on: { EXITED: 'judging', STOP: 'killed' },
      },
      judging: {
        entry: 'judge',
        always: [{ guard: 'gaveUp', target: 'failed' }, { target: 'waiting' }],
      },
      waiting: {
        on: { STOP: 'stopped' },
        after: { pause: 'starting' },
      },
      stopping: {
        entry: 'askToStop',
        on: { EXITED: 'stopped' },
        after: { stopLimit: 'killed' },
      },
      killed: {
        entry: 'kill',
        on: { EXITED: 'stopped' },
      },
      stopped: { type: 'final' },
      failed: { type: 'final' },
    },
  });
}
