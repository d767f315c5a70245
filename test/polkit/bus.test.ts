/** A bus that does not do its part, or means harm, costs its questions at most their time. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinLimit } from '../../services/polkit/machine.ts';
import { patience, settingForEach, until } from './setting.ts';

const setting = settingForEach();

describe('a bus that', () => {
  it('takes the connection and says nothing is waited for no longer than a question has', async () => {
    setting.bus.greeting = null;
    const answer = setting.ask();
    await until(() => setting.bus.connections === 1);
    setting.clock.advance(patience);
    expect((await answer).verdict).toBe('failed');
    setting.bus.greeting = 'OK 0123456789abcdef0123456789abcdef\r\n';
    setting.clock.advance(joinLimit);
    expect((await setting.ask()).verdict).toBe('yes');
  });

  it('does not let us in is told', async () => {
    setting.bus.greeting = 'REJECTED EXTERNAL\r\n';
    expect(await setting.ask()).toEqual({ verdict: 'failed', detail: expect.stringContaining('does not let us in') });
  });

  it('dies with a question ends it, and the next is asked of its next life', async () => {
    setting.bus.polkit = () => setting.bus.drop();
    expect((await setting.ask()).verdict).toBe('failed');
    setting.bus.polkit = (heard) => setting.bus.allow(heard);
    expect((await setting.ask()).verdict).toBe('yes');
  });

  it('says a message of a gigabyte is left', async () => {
    setting.bus.polkit = ({ socket }) => {
      const header = Buffer.alloc(16);
      header.set([0x6c, 2, 0, 1]);
      header.writeUInt32LE(1 << 30, 4);
      socket.write(header);
    };
    expect((await setting.ask()).verdict).toBe('failed');
  });

  it('talks rubbish is left, and never believed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 200 }), async (rubbish) => {
        setting.bus.polkit = ({ socket }) => void socket.end(Buffer.from(rubbish));
        expect((await setting.ask()).verdict).toBe('failed');
      }),
      { numRuns: 200 },
    );
    setting.bus.polkit = (heard) => setting.bus.allow(heard);
    expect((await setting.ask()).verdict).toBe('yes');
  });
});
