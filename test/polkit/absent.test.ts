/** Where nobody can be asked, that is known at once; and also when it is so no more. */
import { describe, expect, it } from 'vitest';
import { settingForEach, until } from './setting.ts';

const setting = settingForEach();

describe('where polkit is absent', () => {
  it('is known without a bus', async () => {
    await setting.bus.close();
    expect(await setting.ask()).toEqual({ verdict: 'absent', detail: '' });
    await setting.startBus();
    expect((await setting.ask()).verdict).toBe('yes');
  });

  it('is known to us from the bus, so that nobody is asked', async () => {
    setting.bus.hasPolkit = false;
    expect((await setting.ask()).verdict).toBe('absent');
    expect((await setting.ask()).verdict).toBe('absent');
    expect(setting.bus.heard).toEqual([]);
    setting.bus.signalOwner(':1.7');
    await until(() => setting.place.canAnswer);
    expect((await setting.ask()).verdict).toBe('yes');
  });

  it('is not so where the bus could start it', async () => {
    setting.bus.hasPolkit = false;
    setting.bus.canStart = true;
    expect((await setting.ask()).verdict).toBe('yes');
  });

  it('is not so because somebody else says it', async () => {
    await setting.ask();
    setting.bus.signalOwner('', ':1.666');
    // what was sent before is heard before
    expect((await setting.ask()).verdict).toBe('yes');
    expect(setting.place.canAnswer).toBe(true);
  });

  it('is looked at again after some time', async () => {
    setting.bus.hasPolkit = false;
    await setting.ask();
    setting.bus.canStart = true;
    expect((await setting.ask()).verdict).toBe('absent');
    setting.clock.advance(10_000);
    await setting.ask();
    await until(() => setting.place.canAnswer);
    expect((await setting.ask()).verdict).toBe('yes');
  });
});
