/** A question to polkit ends with a verdict within its time, whatever the bus and polkit do. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import { type Answer, Authority } from '../../services/polkit/authority.ts';
import type { Writer } from '../../services/polkit/dbus/writer.ts';
import { joinLimit } from '../../services/polkit/machine.ts';
import { Place } from '../../services/polkit/place.ts';
import { recordingLog } from '../support/mesh.ts';
import { encodeTold, FakeBus } from './fake-bus.ts';

const patience = 1000;
const action = 'io.systemd.mount-file-system.mount-image-privately';

let folder: string;
let path: string;
let bus: FakeBus;
let clock: SimulatedClock;
let place: Place;
let authority: Authority;
let caller: Descriptor;
let requests = 0;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-bus-'));
  path = join(folder, 'socket');
  bus = await FakeBus.at(path);
  clock = new SimulatedClock();
  place = new Place({ path, uid: 0, clock, log: recordingLog('polkit').log });
  authority = new Authority({ place, clock, log: recordingLog('polkit').log, patience });
  caller = new Descriptor(native.pidfdOpen(process.pid));
});
afterEach(async () => {
  place.close();
  await bus.close();
  caller.close();
  rmSync(folder, { recursive: true });
});

const asked = (more: Partial<Payload<'authority.ask'>> = {}): Payload<'authority.ask'> => ({
  request: ++requests,
  ask: 1,
  deadline: clock.now() + 60_000,
  peer: { uid: 1000, gid: 1000, pid: process.pid },
  action,
  details: { read_only: '0' },
  interactive: false,
  directory: null,
  ...more,
});
const ask = (more: Partial<Payload<'authority.ask'>> = {}): Promise<Answer> => authority.answer('gateway', asked(more), caller, undefined);
/** Lets the sockets have their turn until something is so. */
const until = async (holds: () => boolean) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
};
/** The time is over once polkit has heard the question. */
const waitInVain = async (answer: Promise<Answer>, milliseconds = patience) => {
  const before = bus.heard.length;
  await until(() => bus.heard.length > before);
  clock.advance(milliseconds);
  return answer;
};

describe('what polkit says', () => {
  it.each<[string, [boolean, boolean, Record<string, string>?], Answer['verdict']]>([
    ['authorised', [true, false], 'yes'],
    ['neither', [false, false], 'no'],
    ['a challenge', [false, true], 'challenge'],
    ['a challenge that somebody closed', [false, true, { 'polkit.dismissed': 'true' }], 'no'],
  ])('%s', async (_name, [isAuthorized, isChallenge, details], verdict) => {
    bus.polkit = (heard) => bus.answer(heard, isAuthorized, isChallenge, details);
    expect(await ask()).toEqual({ verdict, detail: '' });
  });

  it('goes by the process, the action, the details and whether a person may be asked', async () => {
    await ask({ details: { name: 'web' }, interactive: true });
    const [{ text, call } = { text: '', call: undefined }] = bus.heard;
    expect(call?.signature).toBe('(sa{sv})sa{ss}us');
    for (const part of ['unix-process', 'start-time', action, 'name', 'web']) expect(text).toContain(part);
  });

  it('costs one call once we are on the bus', async () => {
    await ask();
    await ask();
    expect(bus.connections).toBe(1);
    expect(bus.heard.map(({ call }) => call.member)).toEqual(['CheckAuthorization', 'CheckAuthorization']);
  });

  it.each([
    ['org.freedesktop.DBus.Error.ServiceUnknown', '', 'absent'],
    ['org.freedesktop.DBus.Error.NameHasNoOwner', '', 'absent'],
    ['org.freedesktop.PolicyKit1.Error.Failed', `Action ${action} is not registered`, 'absent'],
    ['org.freedesktop.PolicyKit1.Error.Failed', 'no idea', 'failed'],
    ['org.freedesktop.DBus.Error.NoReply', '', 'failed'],
    ['org.freedesktop.DBus.Error.Spawn.ChildExited', '', 'failed'],
    ['org.freedesktop.DBus.Error.LimitsExceeded', '', 'failed'],
  ])('%s %s', async (errorName, text, verdict) => {
    bus.polkit = (heard) => bus.refuse(heard, errorName, text);
    expect((await ask()).verdict).toBe(verdict);
  });

  it('in another shape is no answer', async () => {
    bus.polkit = ({ socket, serial }) => {
      const body = (writer: Writer) => writer.uint32(1);
      socket.write(encodeTold({ kind: 'reply', replySerial: serial, sender: ':1.5', signature: 'b', body }));
    };
    expect((await ask()).verdict).toBe('failed');
  });
});

describe('an action that polkit does not know', () => {
  const another = 'io.systemd.mount-file-system.mount-directory-privately';
  const told = () => bus.heard.length;
  beforeEach(async () => {
    bus.polkit = (heard) => bus.refuse(heard, 'org.freedesktop.PolicyKit1.Error.Failed', `Action ${action} is not registered`);
    expect((await ask()).verdict).toBe('absent');
    bus.polkit = (heard) => bus.answer(heard, false, false);
  });

  it('is not asked about again, and others are', async () => {
    expect((await ask()).verdict).toBe('absent');
    expect(told()).toBe(1);
    expect((await ask({ action: another })).verdict).toBe('no');
  });

  it('is asked about once polkit says that its actions have changed', async () => {
    bus.signalChanged();
    await until(() => place.canAnswerAbout(action));
    expect((await ask()).verdict).toBe('no');
  });

  it('is asked about once somebody else is polkit', async () => {
    bus.signalOwner(':1.7');
    await until(() => place.canAnswerAbout(action));
    expect((await ask()).verdict).toBe('no');
  });

  it('is asked about on the next connection', async () => {
    bus.drop();
    await until(() => !place.canAnswer);
    expect((await ask()).verdict).toBe('no');
  });

  it('is asked about some seconds later in any case', async () => {
    clock.advance(9_999);
    expect((await ask()).verdict).toBe('absent');
    clock.advance(1);
    expect((await ask()).verdict).toBe('no');
  });
});

describe('where polkit is absent', () => {
  it('is known without a bus', async () => {
    await bus.close();
    expect(await ask()).toEqual({ verdict: 'absent', detail: '' });
    bus = await FakeBus.at(path);
    expect((await ask()).verdict).toBe('yes');
  });

  it('is known to us from the bus, so that nobody is asked', async () => {
    bus.hasPolkit = false;
    expect((await ask()).verdict).toBe('absent');
    expect((await ask()).verdict).toBe('absent');
    expect(bus.heard).toEqual([]);
    bus.signalOwner(':1.7');
    await until(() => place.canAnswer);
    expect((await ask()).verdict).toBe('yes');
  });

  it('is not so where the bus could start it', async () => {
    bus.hasPolkit = false;
    bus.canStart = true;
    expect((await ask()).verdict).toBe('yes');
  });

  it('is not so because somebody else says it', async () => {
    await ask();
    bus.signalOwner('', ':1.666');
    // what was sent before is heard before
    expect((await ask()).verdict).toBe('yes');
    expect(place.canAnswer).toBe(true);
  });

  it('is looked at again after some time', async () => {
    bus.hasPolkit = false;
    await ask();
    bus.canStart = true;
    expect((await ask()).verdict).toBe('absent');
    clock.advance(10_000);
    await ask();
    await until(() => place.canAnswer);
    expect((await ask()).verdict).toBe('yes');
  });
});

describe('a bus that', () => {
  it('takes the connection and says nothing is waited for no longer than a question has', async () => {
    bus.greeting = null;
    const answer = ask();
    await until(() => bus.connections === 1);
    clock.advance(patience);
    expect((await answer).verdict).toBe('failed');
    bus.greeting = 'OK 0123456789abcdef0123456789abcdef\r\n';
    clock.advance(joinLimit);
    expect((await ask()).verdict).toBe('yes');
  });

  it('does not let us in is told', async () => {
    bus.greeting = 'REJECTED EXTERNAL\r\n';
    expect(await ask()).toEqual({ verdict: 'failed', detail: expect.stringContaining('does not let us in') });
  });

  it('dies with a question ends it, and the next is asked of its next life', async () => {
    bus.polkit = () => bus.drop();
    expect((await ask()).verdict).toBe('failed');
    bus.polkit = (heard) => bus.allow(heard);
    expect((await ask()).verdict).toBe('yes');
  });

  it('says a message of a gigabyte is left', async () => {
    bus.polkit = ({ socket }) => {
      const header = Buffer.alloc(16);
      header.set([0x6c, 2, 0, 1]);
      header.writeUInt32LE(1 << 30, 4);
      socket.write(header);
    };
    expect((await ask()).verdict).toBe('failed');
  });

  it('talks rubbish is left, and never believed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 200 }), async (rubbish) => {
        bus.polkit = ({ socket }) => void socket.end(Buffer.from(rubbish));
        expect((await ask()).verdict).toBe('failed');
      }),
      { numRuns: 200 },
    );
    bus.polkit = (heard) => bus.allow(heard);
    expect((await ask()).verdict).toBe('yes');
  });
});

describe('time', () => {
  it('a question that programs answer has its patience, and is taken back', async () => {
    bus.polkit = () => {};
    expect(await waitInVain(ask())).toEqual({ verdict: 'failed', detail: 'polkit took too long' });
    await until(() => bus.heard.length === 2);
    expect(bus.heard.map(({ call }) => call.member)).toEqual(['CheckAuthorization', 'CancelCheckAuthorization']);
    expect(clock.pending).toBe(0);
  });

  it('one that a person answers has until its deadline', async () => {
    bus.polkit = () => {};
    let ended = false;
    const answer = ask({ interactive: true, deadline: clock.now() + 30_000 }).finally(() => {
      ended = true;
    });
    await until(() => bus.heard.length === 1);
    clock.advance(29_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    clock.advance(1);
    expect((await answer).verdict).toBe('failed');
  });

  it('one that nobody waits for any more is taken back, and so is one that comes after that', async () => {
    bus.polkit = () => {};
    const answer = ask({ request: 77, interactive: true });
    await until(() => bus.heard.length === 1);
    authority.cancel(77);
    expect((await answer).verdict).toBe('failed');
    await until(() => bus.heard.length === 2);
    expect(bus.heard[1]?.call.member).toBe('CancelCheckAuthorization');
    authority.cancel(78);
    expect((await ask({ request: 78 })).verdict).toBe('failed');
    expect(bus.heard).toHaveLength(2);
  });

  it('what a sibling asked that has died is taken back', async () => {
    bus.polkit = () => {};
    const answer = authority.answer('allocator', asked(), caller, undefined);
    await until(() => bus.heard.length === 1);
    authority.cancelAllOf('allocator');
    expect((await answer).verdict).toBe('failed');
  });
});

describe('many questions', () => {
  it('more than 64 that programs answer wait for their turn', async () => {
    const held: (() => void)[] = [];
    bus.polkit = (heard) => held.push(() => bus.allow(heard));
    const answers = Array.from({ length: 70 }, () => ask());
    await until(() => held.length === 64 && authority.status().waiting === 6);
    for (const answer of held.splice(0)) answer();
    await until(() => held.length === 6);
    for (const answer of held) answer();
    expect((await Promise.all(answers)).every(({ verdict }) => verdict === 'yes')).toBe(true);
    expect(authority.status()).toMatchObject({ asking: 0, waiting: 0 });
  });

  it('one user has at most four dialogs open', async () => {
    bus.polkit = () => {};
    const open = Array.from({ length: 4 }, () => ask({ interactive: true }));
    await until(() => bus.heard.length === 4);
    expect(await ask({ interactive: true })).toEqual({ verdict: 'failed', detail: 'people are asked too much already' });
    bus.polkit = (heard) => bus.allow(heard);
    const another = { uid: 1001, gid: 1001, pid: process.pid };
    expect((await ask({ interactive: true, peer: another })).verdict).toBe('yes');
    clock.advance(60_000);
    await Promise.all(open);
    expect((await ask({ interactive: true })).verdict).toBe('yes');
  });
});

describe('the process', () => {
  let child: ChildProcess;
  beforeEach(() => {
    child = spawn('sleep', ['1000']);
  });
  afterEach(() => child.kill('SIGKILL'));

  it('that has ended is nobody to ask about', async () => {
    using process_ = new Descriptor(native.pidfdOpen(child.pid ?? 0));
    const peer = { uid: 1000, gid: 1000, pid: child.pid ?? 0 };
    expect((await authority.answer('gateway', asked({ peer }), process_, undefined)).verdict).toBe('yes');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const answer = await authority.answer('gateway', asked({ peer }), process_, undefined);
    expect(answer).toEqual({ verdict: 'failed', detail: 'the process that connected has ended' });
  });

  it('is not whoever has the number that is named', async () => {
    using process_ = new Descriptor(native.pidfdOpen(child.pid ?? 0));
    expect((await authority.answer('gateway', asked(), process_, undefined)).verdict).toBe('failed');
  });
});
