/** Turns with image data: so many at once, user by user, whatever becomes of each. */
import { describe, expect, it } from 'vitest';
import { Lanes } from '../../services/verity/lanes.ts';

/** Asks for turns that end when the test says so, and writes down who got one. */
function workshop(count: number) {
  const lanes = new Lanes(count);
  const served: string[] = [];
  const running: (() => void)[] = [];
  const all: Promise<void>[] = [];
  const ask = (uid: number, name: string) =>
    void all.push(
      lanes.of(uid)(() => {
        served.push(name);
        return new Promise<void>((end) => void running.push(end));
      }),
    );
  const endOne = async () => {
    running.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { lanes, served, ask, endOne, all, running };
}

describe('turns', () => {
  it('are no more at once than there are buffers', async () => {
    const { lanes, served, ask, endOne, all, running } = workshop(2);
    for (const name of ['a', 'b', 'c']) ask(1, name);
    expect(served).toEqual(['a', 'b']);
    expect(lanes.waiting).toBe(1);
    await endOne();
    expect(served).toEqual(['a', 'b', 'c']);
    while (running.length > 0) await endOne();
    await Promise.all(all);
    expect(lanes.waiting).toBe(0);
  });

  it('go round the users, however many pieces one has waiting', async () => {
    const { served, ask, endOne, all, running } = workshop(1);
    for (let piece = 0; piece < 5; piece++) ask(1, `greedy ${piece}`);
    ask(2, 'small');
    ask(3, 'other');
    while (running.length > 0) await endOne();
    await Promise.all(all);
    expect(served).toEqual(['greedy 0', 'greedy 1', 'small', 'other', 'greedy 2', 'greedy 3', 'greedy 4']);
  });

  it('come back when the work fails', async () => {
    const lanes = new Lanes(1);
    const failing = lanes.of(1)(() => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    let done = false;
    await lanes.of(1)(async () => {
      done = true;
    });
    expect(done).toBe(true);
  });
});
