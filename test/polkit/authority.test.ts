/** A question to polkit ends with its verdict, within its time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import type { Answer } from '../../services/polkit/authority.ts';
import type { Writer } from '../../services/polkit/dbus/writer.ts';
import { encodeTold } from './fake-bus.ts';
import { action, patience, settingForEach, until } from './setting.ts';

const setting = settingForEach();

describe('what polkit says', () => {
  it.each<[string, [boolean, boolean, Record<string, string>?], Answer['verdict']]>([
    ['authorised', [true, false], 'yes'],
    ['neither', [false, false], 'no'],
    ['a challenge', [false, true], 'challenge'],
    ['a challenge that somebody closed', [false, true, { 'polkit.dismissed': 'true' }], 'no'],
  ])('%s', async (_name, [isAuthorized, isChallenge, details], verdict) => {
    setting.bus.polkit = (heard) => setting.bus.answer(heard, isAuthorized, isChallenge, details);
    expect(await setting.ask()).toEqual({ verdict, detail: '' });
  });

  it('goes by the process, the action, the details and whether a person may be asked', async () => {
    await setting.ask({ details: { name: 'web' }, interactive: true });
    const [{ text, call } = { text: '', call: undefined }] = setting.bus.heard;
    expect(call?.signature).toBe('(sa{sv})sa{ss}us');
    for (const part of ['unix-process', 'start-time', action, 'name', 'web']) expect(text).toContain(part);
  });

  it('costs one call once we are on the bus', async () => {
    await setting.ask();
    await setting.ask();
    expect(setting.bus.connections).toBe(1);
    expect(setting.bus.heard.map(({ call }) => call.member)).toEqual(['CheckAuthorization', 'CheckAuthorization']);
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
    setting.bus.polkit = (heard) => setting.bus.refuse(heard, errorName, text);
    expect((await setting.ask()).verdict).toBe(verdict);
  });

  it('in another shape is no answer', async () => {
    setting.bus.polkit = ({ socket, serial }) => {
      const body = (writer: Writer) => writer.uint32(1);
      socket.write(encodeTold({ kind: 'reply', replySerial: serial, sender: ':1.5', signature: 'b', body }));
    };
    expect((await setting.ask()).verdict).toBe('failed');
  });
});

describe('time', () => {
  it('a question that programs answer has its patience, and is taken back', async () => {
    setting.bus.polkit = () => {};
    const answer = setting.ask();
    await until(() => setting.bus.heard.length === 1);
    setting.clock.advance(patience);
    expect(await answer).toEqual({ verdict: 'failed', detail: 'polkit took too long' });
    await until(() => setting.bus.heard.length === 2);
    expect(setting.bus.heard.map(({ call }) => call.member)).toEqual(['CheckAuthorization', 'CancelCheckAuthorization']);
    expect(setting.clock.pending).toBe(0);
  });

  it('one that a person answers has until its deadline', async () => {
    setting.bus.polkit = () => {};
    let ended = false;
    const answer = setting.ask({ interactive: true, deadline: setting.clock.now() + 30_000 }).finally(() => {
      ended = true;
    });
    await until(() => setting.bus.heard.length === 1);
    setting.clock.advance(29_999);
    await new Promise((resolve) => setImmediate(resolve));
    expect(ended).toBe(false);
    setting.clock.advance(1);
    expect((await answer).verdict).toBe('failed');
  });

  it('one that nobody waits for any more is taken back, and so is one that comes after that', async () => {
    setting.bus.polkit = () => {};
    const answer = setting.ask({ request: 77, interactive: true });
    await until(() => setting.bus.heard.length === 1);
    setting.authority.cancel(77);
    expect((await answer).verdict).toBe('failed');
    await until(() => setting.bus.heard.length === 2);
    expect(setting.bus.heard[1]?.call.member).toBe('CancelCheckAuthorization');
    setting.authority.cancel(78);
    expect((await setting.ask({ request: 78 })).verdict).toBe('failed');
    expect(setting.bus.heard).toHaveLength(2);
  });

  it('what a sibling asked that has died is taken back', async () => {
    setting.bus.polkit = () => {};
    const answer = setting.authority.answer('allocator', setting.asked(), setting.caller, undefined);
    await until(() => setting.bus.heard.length === 1);
    setting.authority.cancelAllOf('allocator');
    expect((await answer).verdict).toBe('failed');
  });
});

describe('many questions', () => {
  it('more than 64 that programs answer wait for their turn', async () => {
    const held: (() => void)[] = [];
    setting.bus.polkit = (heard) => held.push(() => setting.bus.allow(heard));
    const answers = Array.from({ length: 70 }, () => setting.ask());
    await until(() => held.length === 64 && setting.authority.status().waiting === 6);
    for (const answer of held.splice(0)) answer();
    await until(() => held.length === 6);
    for (const answer of held) answer();
    expect((await Promise.all(answers)).every(({ verdict }) => verdict === 'yes')).toBe(true);
    expect(setting.authority.status()).toMatchObject({ asking: 0, waiting: 0 });
  });

  it('one user has at most four dialogs open', async () => {
    setting.bus.polkit = () => {};
    const open = Array.from({ length: 4 }, () => setting.ask({ interactive: true }));
    await until(() => setting.bus.heard.length === 4);
    expect(await setting.ask({ interactive: true })).toEqual({ verdict: 'failed', detail: 'people are asked too much already' });
    setting.bus.polkit = (heard) => setting.bus.allow(heard);
    const another = { uid: 1001, gid: 1001, pid: process.pid };
    expect((await setting.ask({ interactive: true, peer: another })).verdict).toBe('yes');
    setting.clock.advance(60_000);
    await Promise.all(open);
    expect((await setting.ask({ interactive: true })).verdict).toBe('yes');
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
    expect((await setting.authority.answer('gateway', setting.asked({ peer }), process_, undefined)).verdict).toBe('yes');
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const answer = await setting.authority.answer('gateway', setting.asked({ peer }), process_, undefined);
    expect(answer).toEqual({ verdict: 'failed', detail: 'the process that connected has ended' });
  });

  it('is not whoever has the number that is named', async () => {
    using process_ = new Descriptor(native.pidfdOpen(child.pid ?? 0));
    expect((await setting.authority.answer('gateway', setting.asked(), process_, undefined)).verdict).toBe('failed');
  });
});
