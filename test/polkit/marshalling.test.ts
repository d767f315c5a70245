/** D-Bus values and messages: what we write reads back, and what others write is believed only where it is sound. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAuthorization } from '../../services/polkit/check.ts';
import { Framing } from '../../services/polkit/dbus/framing.ts';
import { checkWelcome, hail } from '../../services/polkit/dbus/greeting.ts';
import { decodeMessage, encodeCall, maxMessageBytes } from '../../services/polkit/dbus/message.ts';
import { Breach, Reader } from '../../services/polkit/dbus/reader.ts';
import { Writer } from '../../services/polkit/dbus/writer.ts';
import { pidOf, startTimeOf } from '../../services/polkit/subject.ts';
import { encodeTold } from './fake-bus.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 40 });
const written = (write: (writer: Writer) => void) => {
  const writer = new Writer();
  write(writer);
  return new Reader(Buffer.from(writer.bytes), true);
};
/** Nothing but a breach comes of hostile bytes. */
const survives = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(Breach);
  }
};

describe('values', () => {
  it('read back as they were written, whatever comes between', () => {
    fc.assert(
      fc.property(anyText, fc.dictionary(anyText, anyText), (text, entries) => {
        const clean = (value: string) => Buffer.from(value.replaceAll('\0', '\uFFFD')).toString();
        const reader = written((writer) => {
          writer.byte(1);
          writer.string(text);
          writer.strings(entries);
          writer.uint32(0xffff_ffff);
        });
        expect(reader.byte()).toBe(1);
        expect(reader.string()).toBe(clean(text));
        const expected = new Map(Object.entries(entries).map(([key, value]) => [clean(key), clean(value)]));
        expect(reader.dictionary()).toEqual(expected);
        expect(reader.uint32()).toBe(0xffff_ffff);
      }),
    );
  });

  it('that are larger than the first buffer are written whole', () => {
    const long = 'x'.repeat(100_000);
    expect(written((writer) => writer.string(long)).string()).toBe(long);
  });

  it.each<[string, number[], (reader: Reader) => unknown]>([
    ['a string longer than what is there', [9, 0, 0, 0, 65, 0], (reader) => reader.string()],
    ['a string without its end', [1, 0, 0, 0, 65, 66], (reader) => reader.string()],
    ['a string with a NUL in it', [2, 0, 0, 0, 65, 0, 0], (reader) => reader.string()],
    ['a string that is not UTF-8', [1, 0, 0, 0, 0xff, 0], (reader) => reader.string()],
    ['a boolean of two', [2, 0, 0, 0], (reader) => reader.boolean()],
    ['padding with something in it', [0, 1, 0, 0, 0, 0, 0, 0], (reader) => [reader.byte(), reader.uint32()]],
    ['an array past the end', [255, 255, 255, 255], (reader) => reader.strings()],
    ['an array that ends within an element', [3, 0, 0, 0, 1, 0, 0, 0, 65, 0], (reader) => reader.strings()],
    ['an array of nothing', [1, 0, 0, 0, 0], (reader) => reader.array(1, () => {})],
  ])('%s is refused', (_name, bytes, read) => {
    expect(() => read(new Reader(Buffer.from(bytes), true))).toThrow(Breach);
  });

  it('of any bytes end in a value or a breach', () => {
    const reads = fc.constantFrom<((reader: Reader) => unknown)[]>(
      (reader) => reader.string(),
      (reader) => reader.signature(),
      (reader) => reader.strings(),
      (reader) => reader.dictionary(),
      (reader) => reader.boolean(),
      (reader) => reader.skip('v'),
      (reader) => reader.skip('t'),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), reads, (bytes, read) => {
        survives(() => read(new Reader(Buffer.from(bytes), true)));
      }),
    );
  });
});

describe('messages', () => {
  const subject = { pid: 42, startTime: 123456789012n, uid: 0xffff_fffe };

  it('a call has the bytes that the specification says', () => {
    const call = {
      destination: 'a.b',
      path: '/',
      interface: 'c.d',
      member: 'E',
      signature: 's',
      body: (writer: Writer) => writer.string('f'),
    };
    const expected = [
      ...[0x6c, 1, 0, 1, 6, 0, 0, 0, 5, 0, 0, 0, 71, 0, 0, 0],
      ...[1, 1, 0x6f, 0, 1, 0, 0, 0, 0x2f, 0, 0, 0, 0, 0, 0, 0],
      ...[2, 1, 0x73, 0, 3, 0, 0, 0, 0x63, 0x2e, 0x64, 0, 0, 0, 0, 0],
      ...[3, 1, 0x73, 0, 1, 0, 0, 0, 0x45, 0, 0, 0, 0, 0, 0, 0],
      ...[6, 1, 0x73, 0, 3, 0, 0, 0, 0x61, 0x2e, 0x62, 0, 0, 0, 0, 0],
      ...[8, 1, 0x67, 0, 1, 0x73, 0, 0, 1, 0, 0, 0, 0x66, 0],
    ];
    const bytes = encodeCall(call, 5);
    expect([...bytes]).toEqual(expected);
    expect(decodeMessage(bytes)).toMatchObject({ kind: 'call', path: '/', interface: 'c.d', member: 'E', signature: 's' });
  });

  it('a question reads back with whatever details', () => {
    fc.assert(
      fc.property(fc.dictionary(anyText, anyText), (details) => {
        const action = 'io.systemd.mount-file-system.mount-image';
        const call = checkAuthorization({ subject, action, details, interactive: true, name: 'n' });
        expect(decodeMessage(encodeCall(call, 1)).signature).toBe('(sa{sv})sa{ss}us');
      }),
    );
  });

  it('come whole out of any pieces', () => {
    const message = encodeTold({ kind: 'reply', replySerial: 3, sender: ':1.1', signature: 's', body: (writer) => writer.string('hello') });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 30 }), (cuts) => {
        const framing = new Framing();
        const all = Buffer.concat([message, message, message]);
        const got: string[] = [];
        for (let at = 0, i = 0; at < all.length; i++) {
          const size = ((cuts[i % cuts.length] ?? 0) % 40) + 1;
          framing.push(all.subarray(at, at + size));
          at += size;
          for (let next = framing.message(); next !== undefined; next = framing.message()) got.push(decodeMessage(next).body.string());
        }
        expect(got).toEqual(['hello', 'hello', 'hello']);
      }),
    );
  });

  it('with bytes changed end in a message or a breach', () => {
    const sound = encodeTold({
      kind: 'error',
      replySerial: 3,
      sender: ':1.1',
      errorName: 'x.y',
      signature: 's',
      body: (w) => w.string('hello'),
    });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.uint8Array({ minLength: 20, maxLength: 20 }), (places, values) => {
        const bytes = Buffer.from(sound);
        places.forEach((place, i) => {
          bytes[place % bytes.length] = values[i] ?? 0;
        });
        const framing = new Framing();
        survives(() => {
          framing.push(bytes);
          const message = framing.message();
          if (message !== undefined) decodeMessage(message).body.string();
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('of the other byte order are read too', () => {
    // a reply to call 3 with the boolean true
    const bytes = Buffer.from([
      ...[0x42, 2, 1, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 15],
      ...[5, 1, 0x75, 0, 0, 0, 0, 3, 8, 1, 0x67, 0, 1, 0x62, 0, 0],
      ...[0, 0, 0, 1],
    ]);
    const { replySerial, signature, body } = decodeMessage(bytes);
    expect([replySerial, signature, body.boolean()]).toEqual([3, 'b', true]);
  });

  it('that say they are too long are refused before they come', () => {
    const framing = new Framing();
    const header = Buffer.alloc(16);
    header.set([0x6c, 2, 0, 1]);
    header.writeUInt32LE(maxMessageBytes, 4);
    framing.push(header);
    expect(() => framing.message()).toThrow(Breach);
  });
});

describe('the greeting', () => {
  it('says our uid in hex of its digits', () => {
    expect(hail(1000)).toBe('\0AUTH EXTERNAL 31303030\r\n');
  });
  it.each(['OK', 'OK 0123', 'REJECTED EXTERNAL', 'DATA', 'ERROR "no"', ''])('%j is no welcome', (line) => {
    expect(() => checkWelcome(line)).toThrow(Breach);
  });
  it('that never ends is refused', () => {
    const framing = new Framing();
    framing.push(Buffer.alloc(600, 65));
    expect(() => framing.line()).toThrow(Breach);
  });
});

describe('/proc', () => {
  it('a name in parentheses does not move the start of a process', () => {
    const fields = Array.from({ length: 49 }, (_, i) => String(i + 4));
    fc.assert(
      fc.property(fc.tuple(fc.constantFrom('a', ') 1 (', 'x) R 1', ' '), anyText), ([one, two]) => {
        const name = `${one}${two}`.replaceAll('\n', '');
        expect(startTimeOf(`12 (${name}) S ${fields.join(' ')}\n`)).toBe(22n);
      }),
    );
    expect(startTimeOf('')).toBeUndefined();
  });
  it('tells the process of a pidfd', () => {
    expect(pidOf('pos:\t0\nflags:\t02\nPid:\t12\nNSpid:\t12\n')).toBe(12);
    expect(pidOf('pos:\t0\nPid:\t-1\n')).toBe(-1);
    expect(pidOf('pos:\t0\n')).toBe(-1);
  });
});
