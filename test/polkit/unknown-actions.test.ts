/** What polkit has said that it does not know is remembered, for as long as that can be so. */
import { beforeEach, describe, expect, it } from 'vitest';
import { action, settingForEach, until } from './setting.ts';

const setting = settingForEach();

describe('an action that polkit does not know', () => {
  const another = 'io.systemd.mount-file-system.mount-directory-privately';
  const told = () => setting.bus.heard.length;
  beforeEach(async () => {
    setting.bus.polkit = (heard) =>
      setting.bus.refuse(heard, 'org.freedesktop.PolicyKit1.Error.Failed', `Action ${action} is not registered`);
    expect((await setting.ask()).verdict).toBe('absent');
    setting.bus.polkit = (heard) => setting.bus.answer(heard, false, false);
  });

  it('is not asked about again, and others are', async () => {
    expect((await setting.ask()).verdict).toBe('absent');
    expect(told()).toBe(1);
    expect((await setting.ask({ action: another })).verdict).toBe('no');
  });

  it('is asked about once polkit says that its actions have changed', async () => {
    setting.bus.signalChanged();
    await until(() => setting.place.canAnswerAbout(action));
    expect((await setting.ask()).verdict).toBe('no');
  });

  it('is asked about once somebody else is polkit', async () => {
    setting.bus.signalOwner(':1.7');
    await until(() => setting.place.canAnswerAbout(action));
    expect((await setting.ask()).verdict).toBe('no');
  });

  it('is asked about on the next connection', async () => {
    setting.bus.drop();
    await until(() => !setting.place.canAnswer);
    expect((await setting.ask()).verdict).toBe('no');
  });

  it('is asked about some seconds later in any case', async () => {
    setting.clock.advance(9_999);
    expect((await setting.ask()).verdict).toBe('absent');
    setting.clock.advance(1);
    expect((await setting.ask()).verdict).toBe('no');
  });
});
