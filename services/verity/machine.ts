/**
 * The life of one verification. The work itself is done outside and tells what became of it; this machine knows which step may
 * follow which, so that a request that was cancelled is never passed on, and each ends once.
 */
import { setup } from 'xstate';

export type VerificationEvent =
  | { readonly type: 'RECOGNISED' }
  | { readonly type: 'PERMITTED' }
  | { readonly type: 'OBTAINED' }
  /** nobody stands for it, but somebody may be asked */
  | { readonly type: 'DOUBTED' }
  | { readonly type: 'VOUCHED' }
  | { readonly type: 'REFUSED' }
  | { readonly type: 'CANCELLED' };

/** Values that only carry their types to XState. */
const types: { events: VerificationEvent } = { events: { type: 'RECOGNISED' } };

export const verificationMachine = setup({ types }).createMachine({
  id: 'verification',
  initial: 'reading',
  // An event that a state does not know is a bug of ours: the request ends there, and nothing is passed on.
  on: { REFUSED: '.refused', CANCELLED: '.cancelled', '*': '.broken' },
  states: {
    /** what kind of image is it? */
    reading: { on: { RECOGNISED: 'judging', DOUBTED: 'asking' } },
    /** does the policy allow it, protected as it is? */
    judging: { on: { PERMITTED: 'obtaining', DOUBTED: 'asking' } },
    /** did somebody trusted sign it, and is there a checked copy? */
    obtaining: { on: { OBTAINED: 'approved', DOUBTED: 'asking' } },
    /** may the caller have it all the same? Then it is looked at once more, on other terms */
    asking: { on: { VOUCHED: 'reading' } },
    /** from here on it is the next stage's */
    approved: { type: 'final' },
    refused: { type: 'final' },
    cancelled: { type: 'final' },
    broken: { type: 'final' },
  },
});
