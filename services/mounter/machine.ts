/** The life of an attachment: which devices, then the mounts. Descriptors lie beside it (attachment.ts), never in it. */
import { setup } from 'xstate';

export type AttachmentEvent =
  /** every partition has its device, or the right to make one */
  | { readonly type: 'SETTLED' }
  | { readonly type: 'MOUNTED' }
  /** the kernel wants a device for a partition that was tried without */
  | { readonly type: 'DEVICE_NEEDED' }
  | { readonly type: 'REFUSED' };

/** What is to be done on entering a state. Each answers with one event, later. */
export interface AttachmentEffects {
  settle(): void;
  mount(): void;
  /** an event came that nobody waited for: a bug, to be seen */
  unexpected(type: string): void;
}

/** Values that only carry their types to XState. */
const types: { events: AttachmentEvent } = { events: { type: 'SETTLED' } };

export function attachmentMachine(effects: AttachmentEffects) {
  return setup({
    types,
    actions: {
      settle: () => effects.settle(),
      mount: () => effects.mount(),
      unexpected: ({ event }) => effects.unexpected(event.type),
    },
  }).createMachine({
    id: 'attachment',
    initial: 'settling',
    on: { '*': { actions: 'unexpected' } },
    states: {
      /** may wait for another attachment that makes the same device, until the deadline */
      settling: {
        entry: 'settle',
        on: { SETTLED: 'mounting', REFUSED: 'refused' },
      },
      /** with a worker, or queued for one; never broken off: the worker looks at the deadline and answers in any case */
      mounting: {
        entry: 'mount',
        on: { MOUNTED: 'mounted', DEVICE_NEEDED: 'settling', REFUSED: 'refused' },
      },
      mounted: { type: 'final' },
      refused: { type: 'final' },
    },
  });
}
