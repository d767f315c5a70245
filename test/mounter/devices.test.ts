/** Who may make a file's loop device: one at a time, and nobody waits for ever. No device is touched here. */
import { describe, expect, it } from 'vitest';
import { type Clock, SimulatedClock } from '../../mesh/clock.ts';
import { native } from '../../native/index.ts';
import { LoopDevices } from '../../services/mounter/devices.ts';
import { KeptDevices } from '../../services/mounter/kept-devices.ts';

const key = '1:2 0+0';
const late = { writable: false, version: null, deadline: 1_000_000 };
const devicesOn = (clock: Clock) => new LoopDevices(native, clock, new KeptDevices(clock, 0));
const asked = async (promise: Promise<unknown>) => {
  let state = 'waiting';
  promise.then(
    () => {
      state = 'there';
    },
    () => {
      state = 'refused';
    },
  );
  await new Promise(setImmediate);
  return state;
};

describe('the right to make a loop device', () => {
  it('is given to one at a time, in turn', async () => {
    const devices = devicesOn(new SimulatedClock());
    const first = await devices.reserve(key, late);
    expect(first.device).toBeNull();
    const second = devices.reserve(key, late);
    expect(await asked(second)).toBe('waiting');
    first.settle(null);
    expect((await second).device).toBeNull();
    const third = devices.reserve(key, late);
    expect(await asked(third)).toBe('waiting');
    // a second call must not end the reservation of another
    first.settle(null);
    expect(await asked(third)).toBe('waiting');
    (await second).settle(null);
    (await third).settle(null);
  });

  it('of different files is independent', async () => {
    const devices = devicesOn(new SimulatedClock());
    const [one, other] = [await devices.reserve('1:2 0+0', late), await devices.reserve('1:3 0+0', late)];
    one.settle(null);
    other.settle(null);
  });

  it('is not waited for beyond the deadline', async () => {
    const clock = new SimulatedClock();
    const devices = devicesOn(clock);
    const first = await devices.reserve(key, late);
    const second = devices.reserve(key, { ...late, deadline: clock.now() + 100 });
    const refused = expect(second).rejects.toMatchObject({ code: 'TIMED_OUT' });
    clock.advance(100);
    await refused;
    first.settle(null);
    expect(clock.pending).toBe(0);
  });
});
