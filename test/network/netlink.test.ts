/** Netlink messages, as bytes: what is asked, what is answered, and what no answer can do. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Attribute,
  decodeAttributes,
  encodeAttributes,
  MalformedMessage,
  numberOf,
  textOf,
} from '../../services/network/netlink/attributes.ts';
import {
  addAlternativeName,
  deleteLink,
  getLink,
  getNamespaceId,
  makeVeth,
  readLink,
  readNamespaceId,
} from '../../services/network/netlink/link.ts';
import { answerOf, decodeMessages, encodeMessage, type Message } from '../../services/network/netlink/message.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (...parts: string[]) => Uint8Array.from(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));

/** True where it throws nothing, or says that the message is malformed. */
function copes(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (thrown) {
    return thrown instanceof MalformedMessage;
  }
}

// The byte strings are as linux/netlink.h has them on a little-endian machine.
describe('attributes', () => {
  it('are a length, a type and a value, padded to four bytes', () => {
    expect(
      hex(
        encodeAttributes([
          [3, 'lo'],
          [28, 7],
        ]),
      ),
    ).toBe('0700 0300 6c6f00 00 0800 1c00 07000000'.replaceAll(' ', ''));
  });

  it('that hold others say so', () => {
    expect(hex(encodeAttributes([[18, [[1, 'veth']]]]))).toBe('0d00 1280 0900 0100 76657468 00'.replaceAll(' ', ''));
  });

  it('come back as they went', () => {
    const list = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 0x3fff }), fc.uint8Array({ maxLength: 64 })), {
      selector: ([type]) => type,
    });
    fc.assert(
      fc.property(list, (attributes) => {
        expect([...decodeAttributes(encodeAttributes(attributes))]).toEqual(attributes.map(([type, value]) => [type, value]));
      }),
    );
  });

  it('of any bytes are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (any) => copes(() => decodeAttributes(any))),
      { numRuns: 2000 },
    );
  });

  it('never reach past their list', () => {
    for (const wrong of ['0900 0100 00000000', '0300 0100', '0000 0000', 'ffff 0100 00000000']) {
      expect(() => decodeAttributes(bytes(wrong)), wrong).toThrow(MalformedMessage);
    }
  });

  it('have no more than 64 KiB', () => {
    const huge: Attribute[] = [[1, new Uint8Array(0x10000)]];
    expect(() => encodeAttributes(huge)).toThrow(RangeError);
  });

  it('are text up to a NUL, or a number of four bytes', () => {
    expect(textOf(bytes('6c6f0041'))).toBe('lo');
    expect(textOf(bytes('6c6f'))).toBe('lo');
    expect(numberOf(bytes('ffffffff'))).toBe(-1);
    expect(() => numberOf(bytes('ffff'))).toThrow(MalformedMessage);
  });
});

describe('messages', () => {
  const message = fc.record({
    type: fc.integer({ min: 0, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 0xffff }),
    sequence: fc.integer({ min: 0, max: 0xffff_ffff }),
    body: fc.uint8Array({ maxLength: 40 }).map((body) => body.subarray(0, body.length & ~3)),
  });

  it('come back as they went, several in one packet too', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 3 }), (sent) => {
        const packet = Uint8Array.from(sent.flatMap((each) => [...encodeMessage(each)]));
        expect(decodeMessages(packet).map((each) => ({ ...each, body: Uint8Array.from(each.body) }))).toEqual(
          sent.map((each) => ({ ...each, body: Uint8Array.from(each.body) })),
        );
      }),
    );
  });

  it('of any bytes are read or refused, and so is what they say', () => {
    const readAll = (packet: Uint8Array) => {
      for (const each of decodeMessages(packet)) {
        const answer = answerOf(each);
        if (answer.kind !== 'told') continue;
        readLink(answer.type, answer.body);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 96 }), (any) => copes(() => readAll(any))),
      { numRuns: 2000 },
    );
    // With a sound header in front, so that the rest is looked at.
    const types = fc.constantFrom(2, 16, 88);
    fc.assert(
      fc.property(types, fc.integer({ min: 0, max: 0x3ff }), fc.uint8Array({ maxLength: 96 }), (type, flags, body) => {
        const packet = encodeMessage({ type, flags, sequence: 1, body });
        return copes(() => readAll(packet)) && copes(() => readNamespaceId(type, body)) && copes(() => readLink(type, body));
      }),
      { numRuns: 4000 },
    );
  });

  it('say that it is done, or what is wrong in the kernel’s words', () => {
    const error = (flags: number, body: Uint8Array): Message => ({ type: 2, flags, sequence: 1, body });
    const request = '10000000 1000 0506 01000000 00000000';
    expect(answerOf(error(0x100, bytes('00000000', request)))).toEqual({ kind: 'done' });
    const words = '0900 0100 4e6f2121 00 000000';
    expect(answerOf(error(0x300, bytes('efffffff', request, words)))).toEqual({ kind: 'refused', errno: 17, words: 'No!!' });
    expect(answerOf(error(0x100, bytes('efffffff', request)))).toEqual({ kind: 'refused', errno: 17, words: null });
    // not capped: the request's own four bytes lie between
    const whole = '14000000 1000 0506 01000000 00000000 aabbccdd';
    expect(answerOf(error(0x200, bytes('efffffff', whole, words)))).toMatchObject({ words: 'No!!' });
    for (const body of ['', 'efff', '11000000']) expect(() => answerOf(error(0, bytes(body))), body).toThrow(MalformedMessage);
  });
});

describe('requests', () => {
  const here = { name: 'ns-1', address: bytes('020000000001') };
  const there = { name: 'a', address: bytes('020000000002') };

  it('make a pair in one go, its other end in the namespace of a descriptor', () => {
    const { type, flags, body } = makeVeth(here, there, 7);
    expect([type, flags]).toEqual([16, 0x605]);
    const header = '00'.repeat(16);
    const peer = `${header} 0600 0300 6100 0000 0a00 0100 020000000002 0000 0800 1c00 07000000`;
    const info = `4400 1280 0900 0100 76657468 00 000000 3400 0280 3000 0100 ${peer}`;
    expect(hex(body)).toBe(`${header} 0900 0300 6e732d31 00 000000 0a00 0100 020000000001 0000 ${info}`.replaceAll(' ', ''));
  });

  it('name an interface by its number, its name, or a longer one', () => {
    expect(hex(deleteLink(5).body)).toBe('00000000 05000000 00000000 00000000'.replaceAll(' ', ''));
    expect(decodeAttributes(getLink('ns-1000-web').body.subarray(16)).get(53)).toEqual(Uint8Array.from(Buffer.from('ns-1000-web\0')));
    const properties = decodeAttributes(addAlternativeName('ns-1', 'ns-1000-web').body.subarray(16)).get(52);
    expect(textOf(decodeAttributes(properties ?? new Uint8Array()).get(53))).toBe('ns-1000-web');
    expect(hex(getNamespaceId(3).body)).toBe('00000000 0800 0300 03000000'.replaceAll(' ', ''));
  });

  it('are answered with a link', () => {
    const attributes = encodeAttributes([
      [3, 'ns-1'],
      [1, here.address],
      [20, 'postern:id:7'],
      [18, [[1, 'veth']]],
      [37, 2],
    ]);
    const body = Uint8Array.from([...bytes('0000 0100 2a000000 00000000 00000000'), ...attributes]);
    expect(readLink(16, body)).toMatchObject({ index: 42, name: 'ns-1', kind: 'veth', alias: 'postern:id:7', peerNamespace: 2 });
    expect(() => readLink(17, body)).toThrow(MalformedMessage);
    expect(() => readLink(16, body.subarray(0, 15))).toThrow(MalformedMessage);
  });

  it('are answered with a namespace’s number, or with none yet', () => {
    const told = (number: string) => readNamespaceId(88, bytes('00000000 0800 0100', number));
    expect(told('03000000')).toBe(3);
    expect(told('ffffffff')).toBe(null);
    expect(() => readNamespaceId(16, bytes('00000000'))).toThrow(MalformedMessage);
  });
});
