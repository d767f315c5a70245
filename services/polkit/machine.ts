/** The life of our place on the system bus. It is taken when there is something to ask, and taken anew after it was lost. */
import { setup } from 'xstate';

/** What a bus may take to let us in and to say who else is there. */
export const joinLimit = 10_000;

export type PlaceEvent =
  /** there is something to ask */
  | { readonly type: 'WANTED' }
  /** the bus knows us, and we know whether polkit can answer */
  | { readonly type: 'JOINED' }
  /** the connection is over, whoever ended it */
  | { readonly type: 'LOST' };

export interface PlaceActions {
  connect(): void;
  /** ends a connection that leads nowhere; what comes of that comes as LOST, and is of no matter any more */
  giveUp(): void;
}

/** Carries only types to XState. */
const types: { events: PlaceEvent } = { events: { type: 'WANTED' } };

export function placeMachine(actions: PlaceActions) {
  return setup({
    types,
    actions: { connect: () => actions.connect(), giveUp: () => actions.giveUp() },
    delays: { joinLimit },
  }).createMachine({
    id: 'place',
    initial: 'away',
    states: {
      away: { on: { WANTED: 'joining', '*': {} } },
      joining: {
        entry: 'connect',
        on: { JOINED: 'joined', LOST: 'away', '*': {} },
        after: { joinLimit: { target: 'away', actions: 'giveUp' } },
      },
      joined: { on: { LOST: 'away', '*': {} } },
    },
  });
}
