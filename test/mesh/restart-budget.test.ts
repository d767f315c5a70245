/** A service that does its job is started again at once; one that does not is given pauses, and in the end given up. */
import { expect, it } from 'vitest';
import { firstPause, judge, longestPause, mostUnstable, stableAfter } from '../../mesh/restart-budget.ts';

const own = (readyFor: number | null) => ({ readyFor, killed: false });

it('a life that was of use is followed by the next at once, and clears the account', () => {
  expect(judge(7, own(stableAfter))).toEqual({ unstable: 0, pause: 0 });
});

it('lives of no use are followed by pauses that double up to the longest, then by none', () => {
  const pauses: (number | 'give up')[] = [];
  for (let unstable = 0; unstable < mostUnstable; ) {
    const verdict = judge(unstable, own(null));
    pauses.push(verdict.pause);
    unstable = verdict.unstable;
  }
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 'give up']);
  expect(Math.max(...pauses.filter((pause) => pause !== 'give up'))).toBe(longestPause);
});

it('a service that is killed from outside is never given up, however often', () => {
  let unstable = 3;
  for (let i = 0; i < 1_000; i++) {
    const verdict = judge(unstable, { readyFor: 1, killed: true });
    expect(verdict.pause).toBe(firstPause);
    unstable = verdict.unstable;
  }
  expect(unstable).toBe(3);
});

it('one that is killed before it was ready is: the kernel may be short of memory because of it', () => {
  expect(judge(mostUnstable - 1, { readyFor: null, killed: true }).pause).toBe('give up');
});
