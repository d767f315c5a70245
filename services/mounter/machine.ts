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
const types: { events: AttachmentEvent; context: AttachmentEffects; input: AttachmentEffects } = {
  events: { type: 'SETTLED' },
  context: { settle() {}, mount() {}, unexpected() {} },
  input: { settle() {}, mount() {}, unexpected() {} },
};

/** One for all attachments: each brings its effects as input, since making a machine costs many times what running it does. */
export const attachmentMachine = setup({
  types,
  actions: {
    settle: ({ context }) => context.settle(),
    mount: ({ context }) => context.mount(),
    unexpected: ({ context, event }) => context.unexpected(event.type),
  },
}).createMachine({
  id: 'attachment',
  context: ({ input }) => input,
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
