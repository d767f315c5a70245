/** Messages out of a stream: whatever the boundaries, the same messages with the same descriptors. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Framer } from '../../varlink/framing.ts';
import { ProtocolBreach } from '../../varlink/message/breach.ts';

interface Sent {
  readonly text: string;
  readonly descriptors: number[];
  /** where the message is cut into sends */
  readonly cuts: number[];
}

const sent: fc.Arbitrary<Sent> = fc.record({
  text: fc.stringMatching(/^[a-z]{0,40}$/),
  descriptors: fc.array(fc.nat(), { maxLength: 3 }),
  cuts: fc.array(fc.nat(40), { maxLength: 4 }),
});

/** One read after the other, each of at most one message, as the reader takes them from the kernel. */
function reads(messages: readonly Sent[]): { bytes: Buffer; descriptors: number[] }[] {
  return messages.flatMap(({ text, descriptors, cuts }) => {
    const whole = Buffer.from(`${text}\0`);
    const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < whole.length), whole.length])].sort((a, b) => a - b);
    return ends.map((end, index) => ({
      bytes: whole.subarray(ends[index - 1] ?? 0, end),
      descriptors: index === 0 ? descriptors : [],
    }));
  });
}

describe('framing', () => {
  it('gives every message with its descriptors, whatever the boundaries', () => {
    fc.assert(
      fc.property(fc.array(sent), (messages) => {
        const framer = new Framer<number>();
        const got = reads(messages).flatMap(({ bytes, descriptors }) =>
          framer.push(bytes, descriptors).map((message) => ({ text: message.bytes.toString(), descriptors: message.descriptors })),
        );
        expect(got).toEqual(messages.map(({ text, descriptors }) => ({ text, descriptors })));
        expect(framer.pendingBytes).toBe(0);
        expect(framer.abandon()).toEqual([]);
      }),
    );
  });

  it('gives several messages of one read, descriptors with the first', () => {
    const messages = new Framer<number>().push(Buffer.from('a\0b\0c'), [7]);
    expect(messages.map(({ bytes, descriptors }) => [bytes.toString(), descriptors])).toEqual([
      ['a', [7]],
      ['b', []],
    ]);
  });

  it('never loses or doubles a descriptor, whatever comes', () => {
    const chunk = fc.record({ bytes: fc.uint8Array({ maxLength: 8, max: 2 }), count: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 20 }), (chunks) => {
        const framer = new Framer<number>(16);
        const seen: number[] = [];
        let given = 0;
        for (const { bytes, count } of chunks) {
          if (bytes.length === 0) continue;
          const descriptors = Array.from({ length: count }, () => given++);
          try {
            for (const message of framer.push(Buffer.from(bytes), descriptors)) seen.push(...message.descriptors);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(ProtocolBreach);
            seen.push(...descriptors);
            break;
          }
        }
        seen.push(...framer.abandon());
        expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: given }, (_, index) => index));
      }),
    );
  });

  it('refuses descriptors inside of a message', () => {
    const framer = new Framer<number>();
    framer.push(Buffer.from('abc'), [1]);
    expect(() => framer.push(Buffer.from('def\0'), [2])).toThrow(/inside a message/);
    expect(framer.abandon()).toEqual([1]);
  });

  it('takes a message of the longest size, and none longer', () => {
    const framer = new Framer<number>(100);
    framer.push(Buffer.alloc(60, 'a'), []);
    expect(framer.push(Buffer.concat([Buffer.alloc(40, 'a'), Buffer.from([0])]), [])).toHaveLength(1);
    framer.push(Buffer.alloc(60, 'a'), [3]);
    expect(() => framer.push(Buffer.alloc(41, 'a'), [])).toThrow(/more than 100 bytes/);
    expect(framer.abandon()).toEqual([3]);
    expect(() => new Framer<number>(100).push(Buffer.concat([Buffer.alloc(101, 'a'), Buffer.from([0])]), [])).toThrow(
      /more than 100 bytes/,
    );
  });

  it('copies nothing of a message that comes whole', () => {
    const chunk = Buffer.from('abc\0');
    const [message] = new Framer<number>().push(chunk, []);
    expect(message?.bytes.buffer).toBe(chunk.buffer);
    expect(message?.bytes.byteOffset).toBe(chunk.byteOffset);
  });
});
