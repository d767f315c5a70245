/** Readiness of descriptors on the event loop, and what becomes of it when the loop ends. */
import { describe, expect, it } from 'vitest';
import type { Poller } from '../../native/index.ts';
import { leaked, native, outcome, runNode } from './parts/native.ts';

const byte = new Uint8Array([1]);
const turn = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));

/** A pair of sockets, a poller on the first, and what it was told so far. */
function watched() {
  const [one, other] = native.socketPair(65_536);
  const told: string[] = [];
  const poller: Poller = native.poll(one, (readable, writable) => told.push(`${readable ? 'r' : ''}${writable ? 'w' : ''}`));
  const end = () => {
    poller.close();
    native.close(one);
    native.close(other);
  };
  return { one, other, told, poller, end };
}

describe('a poller', () => {
  it('tells again and again as long as something is there to be read', async () => {
    const { one, other, told, poller, end } = watched();
    poller.watch(true, false);
    await turn();
    expect(told).toEqual([]);
    native.send(other, byte, []);
    await turn();
    await turn();
    expect(told.length).toBeGreaterThan(1);
    native.receive(one, new Uint8Array(4), 0);
    await turn();
    told.length = 0;
    await turn();
    expect(told).toEqual([]);
    end();
  });

  it('tells only what was asked for', async () => {
    const { other, told, poller, end } = watched();
    native.send(other, byte, []);
    poller.watch(false, true);
    await turn();
    expect(new Set(told)).toEqual(new Set(['w']));
    poller.watch(true, true);
    told.length = 0;
    await turn();
    expect(new Set(told)).toEqual(new Set(['rw']));
    poller.watch(false, false);
    told.length = 0;
    await turn();
    expect(told).toEqual([]);
    end();
  });

  it('tells nothing after it was closed, even from within its own callback', async () => {
    const [one, other] = native.socketPair(65_536);
    let calls = 0;
    const poller: Poller = native.poll(one, () => {
      calls += 1;
      poller.close();
      native.close(one);
    });
    native.send(other, byte, []);
    poller.watch(true, false);
    await turn();
    await turn();
    expect(calls).toBe(1);
    poller.close(); // a second time is nothing
    expect(outcome(() => poller.watch(true, false))).toBe('EBADF');
    native.close(other);
  });

  it('is refused for what can’t be polled, and for what is polled already', () => {
    const { one, poller, end } = watched();
    const file = native.openTree(null, '/etc/passwd', 0);
    expect(outcome(() => native.poll(file, () => undefined))).not.toBe('ok');
    poller.watch(true, false);
    expect(outcome(() => native.poll(one, () => undefined))).toBe('EEXIST');
    expect(outcome(() => native.poll(9999, () => undefined))).toBe('EBADF');
    native.close(file);
    end();
  });

  it('leaves no descriptor behind', async () => {
    expect(
      await leaked(async () => {
        for (let i = 0; i < 200; i++) {
          const { poller, end } = watched();
          poller.watch(true, true);
          end();
        }
        await turn();
      }),
    ).toBe(0);
  });
});

describe('a process with pollers', () => {
  it('hears of an error in a callback as an uncaught exception', async () => {
    const { stdout, status } = await runNode(`
      const [one, other] = native.socketPair(65536);
      native.send(other, new Uint8Array([1]), []);
      const poller = native.poll(one, () => { poller.close(); throw new Error('from the callback'); });
      poller.watch(true, false);
      process.on('uncaughtException', (error) => console.log(error.message));`);
    expect({ stdout, status }).toEqual({ stdout: 'from the callback\n', status: 0 });
  });

  it('runs what a callback promised before the next event', async () => {
    const { stdout } = await runNode(`
      const [one, other] = native.socketPair(65536);
      native.send(other, new Uint8Array([1]), []);
      let promised = 0;
      const poller = native.poll(one, () => {
        if (promised > 0) { console.log('kept'); poller.close(); }
        Promise.resolve().then(() => { promised += 1; });
      });
      poller.watch(true, false);`);
    expect(stdout).toBe('kept\n');
  });

  it('ends when none of them watches', async () => {
    const paused = await runNode(`
      const [one] = native.socketPair(65536);
      const poller = native.poll(one, () => {});
      poller.watch(true, true);
      poller.watch(false, false);`);
    expect(paused).toMatchObject({ status: 0, stderr: '' });
    const closed = await runNode(`
      const [one] = native.socketPair(65536);
      const poller = native.poll(one, () => {});
      poller.watch(true, false);
      poller.close();`);
    expect(closed).toMatchObject({ status: 0, stderr: '' });
  });

  it('exits cleanly although some are open and forgotten', async () => {
    const { status, stderr } = await runNode(`
      for (let i = 0; i < 50; i++) {
        const [one] = native.socketPair(65536);
        native.poll(one, () => {}).watch(true, i % 2 === 0);
      }
      global.gc?.();
      setImmediate(() => process.exit(3));`);
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
  });
});
