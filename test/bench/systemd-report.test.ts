/** The comparison with systemd's daemons says of each aim whether it is met, and never that one is that was not measured. */
import { describe, expect, it } from 'vitest';
import type { Cost, Measured } from '../../bench/systemd/measure.ts';
import { report } from '../../bench/systemd/report.ts';

const cost = (rate: number, p99: number): Cost => ({ p50: p99 / 2, p99, rate, samples: 64, cpu: { own: 1000, others: 500 } });
const memory = { originals: { processes: 10, pss: 2 ** 24 }, Postern: { processes: 6, pss: 2 ** 27 } };

function verdict(originals: Measured['cost'], postern: Measured['cost']): string {
  const measured = [
    { call: 'AllocateUserRange', clients: 16, server: 'originals', cost: originals },
    { call: 'AllocateUserRange', clients: 16, server: 'Postern', cost: postern },
  ];
  return report({ measured, memory }).split('\n').at(-1) ?? '';
}

describe('an aim', () => {
  it('is met with five times the rate and a lower p99', () => {
    expect(verdict(cost(10, 9000), cost(50, 8000))).toBe('- AllocateUserRange: 5.0 × the rate, p99 8.0 against 9.0 ms');
  });

  it('is missed with less than five times the rate', () => {
    expect(verdict(cost(10, 9000), cost(49, 8000))).toContain('4.9 × the rate (**missed**)');
  });

  it('is missed where p99 is no lower', () => {
    expect(verdict(cost(10, 8000), cost(50, 8000))).toContain('8.0 ms (**missed**)');
  });

  it('is missed where Postern refuses', () => {
    expect(verdict(cost(10, 9000), 'the server answered …')).toContain('**missed**');
  });

  it('has nothing to be compared with where the originals refuse', () => {
    const said = verdict('the server answered MethodNotFound', cost(50, 8000));
    expect(said).toContain('nothing to compare with');
    expect(said).toContain('MethodNotFound');
  });
});
