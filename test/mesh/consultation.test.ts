/** A stage's question to polkit: whoever asked gets the answer to it, or a named error, and is never left waiting. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Verdict } from '../../mesh/authority.ts';
import { Consultation, type Question } from '../../mesh/consultation.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Payload, ServiceName } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';

const question: Question = {
  request: 1,
  deadline: 1e12,
  peer: { uid: 1000, gid: 1000, pid: process.pid },
  action: 'io.systemd.mount-file-system.make-directory-untrusted',
  details: {},
  interactive: false,
  directory: null,
};
const sent: Payload<'authority.ask'>[] = [];
let down: (peer: ServiceName) => void = () => {};
let consultation: Consultation;
let caller: Descriptor;

beforeEach(() => {
  sent.length = 0;
  consultation = new Consultation({
    send: (payload, descriptors) => {
      sent.push(payload);
      closeAll(descriptors);
    },
    onPeerDown: (listener) => {
      down = listener;
    },
  });
  caller = new Descriptor(native.pidfdOpen(process.pid));
});
afterEach(() => caller.close());

const tell = (index: number, verdict: Verdict, detail = '') =>
  consultation.told({ request: 1, ask: sent[index]?.ask ?? 0, verdict, detail });

it.each<[Verdict, boolean]>([
  ['yes', true],
  ['no', false],
  ['absent', false],
])('%s lets: %s', async (verdict, allowed) => {
  const answer = consultation.ask(question, caller);
  tell(0, verdict);
  expect(await answer).toBe(allowed);
});

it.each<[Verdict, string]>([
  ['challenge', 'INTERACTION_REQUIRED'],
  ['failed', 'AUTHORITY_FAILED'],
])('%s is %s', async (verdict, code) => {
  const answer = consultation.ask(question, caller);
  tell(0, verdict, 'why');
  await expect(answer).rejects.toMatchObject({ code });
});

it('without polkit what everybody may have is allowed', async () => {
  const answer = consultation.ask({ ...question, action: 'io.systemd.mount-file-system.make-directory' }, caller);
  tell(0, 'absent');
  expect(await answer).toBe(true);
});

it('answers find their questions in any order, and no question is answered twice', async () => {
  const [one, two] = [consultation.ask(question, caller), consultation.ask(question, caller)];
  tell(1, 'no');
  tell(1, 'yes');
  tell(0, 'yes');
  expect([await one, await two]).toEqual([true, false]);
});

it('the death of polkit ends what is asked, another’s does not', async () => {
  const answer = consultation.ask(question, caller);
  down('lsm');
  down('polkit');
  await expect(answer).rejects.toMatchObject({ code: 'SERVICE_DIED' });
  tell(0, 'yes');
});

it('what can not be sent is not waited for', async () => {
  const refused = new PosternError('SERVICE_UNAVAILABLE', 'polkit');
  const mute = new Consultation({
    send(_payload, descriptors) {
      closeAll(descriptors);
      throw refused;
    },
    onPeerDown() {},
  });
  await expect(mute.ask(question, caller)).rejects.toBe(refused);
});
