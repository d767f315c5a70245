/** Bytes that are no message of ours never reach a handler, whatever they are. */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { BadMessage, check } from '../../mesh/dispatch.ts';
import { encodeFrame, FrameError, frameName, framePayload } from '../../mesh/frame.ts';
import { maxFrameBytes } from '../../mesh/protocol.ts';

const packr = new Packr({ useRecords: false, largeBigIntToString: true });
const allocated = encodeFrame('range.allocated', { request: 7, name: 'ns-1' });

/** The fault that the gateway finds in a frame from the allocator; null where it finds none. */
function faultOf(frame: Uint8Array): string | null {
  try {
    check('gateway', 'allocator', frame, []);
    return null;
  } catch (error) {
    if (error instanceof BadMessage) return error.fault;
    throw error;
  }
}

describe('frames', () => {
  it('carry a name and a payload', () => {
    expect(frameName(allocated)).toBe('range.allocated');
    expect(framePayload(allocated)).toEqual({ request: 7, name: 'ns-1' });
  });

  it('keep what they carry when the next one is made', () => {
    const one = encodeFrame('range.allocated', { request: 1, name: 'one' });
    encodeFrame('range.allocated', { request: 2, name: 'two' });
    expect(framePayload(one)).toEqual({ request: 1, name: 'one' });
  });

  it('larger than a receiver takes are not made', () => {
    expect(() => encodeFrame('status.tell', { request: 1, report: { text: 'x'.repeat(maxFrameBytes) } })).toThrow(FrameError);
  });

  it('of random bytes are refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        expect(faultOf(bytes)).toMatch(/not a frame|unknown name/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with a random payload under a good name are refused', () => {
    const head = allocated.subarray(0, 2 + 'range.allocated'.length);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        expect(faultOf(Buffer.concat([head, bytes]))).toMatch(/not a frame|wrong shape/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('with any value but the right one are refused', () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withBigInt: true }), (payload) => {
        expect(faultOf(Uint8Array.from(packr.pack(['range.allocated', payload])))).toMatch(/not a frame|wrong shape/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('cut short or continued are refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: allocated.length - 1 }), fc.uint8Array({ minLength: 1, maxLength: 16 }), (length, more) => {
        expect(faultOf(allocated.subarray(0, length))).toBe('not a frame');
        expect(faultOf(Buffer.concat([allocated, more]))).toBe('not a frame');
      }),
    );
  });

  it('with one byte changed do no more than name another request', () => {
    fc.assert(
      fc.property(fc.nat(allocated.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const frame = allocated.slice();
        frame[at] = (frame[at] ?? 0) ^ change;
        const fault = faultOf(frame);
        if (fault === null) expect(frameName(frame)).toBe('range.allocated');
      }),
      { numRuns: 2_000 },
    );
  });

  it('nested without end are refused', () => {
    const head = allocated.subarray(0, 2 + 'range.allocated'.length);
    for (const opener of [[0x91], [0x81, 0xa1, 0x61], [0xdc, 0x00, 0x01]]) {
      const bomb = Buffer.concat([head, ...Array(20_000).fill(Buffer.from(opener)), Buffer.from([0xc0])]);
      expect(faultOf(bomb)).toMatch(/not a frame|wrong shape/);
    }
  });

  it('that claim four billion elements are refused without room being made for them', () => {
    const head = allocated.subarray(0, 2 + 'range.allocated'.length);
    const before = process.memoryUsage().rss;
    for (const opener of [0xdd, 0xdf, 0xdb, 0xc6])
      expect(faultOf(Buffer.concat([head, Buffer.from([opener, 255, 255, 255, 255])]))).toBe('not a frame');
    expect(process.memoryUsage().rss - before).toBeLessThan(64 << 20);
  });

  it('carry no cycle, no date and no big integer in a report', () => {
    const report: Record<string, unknown> = {};
    const cyclic = new Packr({ useRecords: false, structuredClone: true });
    report.self = report;
    const frames = [
      cyclic.pack(['status.tell', { request: 1, report }]),
      packr.pack(['status.tell', { request: 1, report: { at: new Date() } }]),
      packr.pack(['status.tell', { request: 1, report: { n: 1n } }]),
    ];
    expect(frames.map((frame) => faultOf(Uint8Array.from(frame)))).toEqual(['not a frame', 'wrong shape', 'wrong shape']);
  });
});
