/** Time that tests can move, and lines that say who speaks and hide what is secret. */
import { describe, expect, it } from 'vitest';
import { SimulatedClock, systemClock } from '../../mesh/clock.ts';
import { recordingLog } from '../support/mesh.ts';

describe('the simulated clock', () => {
  it('runs what falls due in its order, also what is asked for on the way', () => {
    const clock = new SimulatedClock(0);
    const ran: string[] = [];
    clock.after(20, () => ran.push(`b ${clock.now()}`));
    clock.after(10, () => {
      ran.push(`a ${clock.now()}`);
      clock.after(5, () => ran.push(`c ${clock.now()}`));
    });
    clock.after(40, () => ran.push('never'));
    clock.advance(30);
    expect(ran).toEqual(['a 10', 'c 15', 'b 20']);
    expect({ now: clock.now(), pending: clock.pending }).toEqual({ now: 30, pending: 1 });
  });

  it('forgets what is taken back', () => {
    const clock = new SimulatedClock();
    const timer = clock.after(1, () => expect.unreachable());
    timer.cancel();
    timer.cancel();
    clock.advance(10);
    expect(clock.pending).toBe(0);
  });
});

it('the system clock is the kernel’s monotonic one, shared by all processes', () => {
  const before = Number(process.hrtime.bigint()) / 1e6;
  const now = systemClock.now();
  expect(now).toBeGreaterThanOrEqual(before - 0.001);
  expect(now).toBeLessThanOrEqual(Number(process.hrtime.bigint()) / 1e6);
});

describe('a line of the log', () => {
  it('says who speaks, and about which request', () => {
    const { log, lines } = recordingLog('verity');
    log.child({ request: 7 }).info('checked');
    expect(lines).toMatchObject([{ service: 'verity', request: 7, level: 'info', msg: 'checked' }]);
  });

  it('hides passwords at every depth that our messages have', () => {
    const { log, lines } = recordingLog('gateway');
    log.info({ password: 'secret', call: { password: 'secret', parameters: { password: 'secret', deeper: { password: 'secret' } } } }, 'x');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });
});
