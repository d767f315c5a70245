/** Calls and replies, and what ends a connection. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolBreach } from '../../varlink/message/breach.ts';
import { decodeCall, encodeCall } from '../../varlink/message/call.ts';
import { maxDepth, maxValues } from '../../varlink/message/guard.ts';
import { decodeReply, encodeError, encodeReply } from '../../varlink/message/reply.ts';

const call = (text: string) => decodeCall(Buffer.from(text));

describe('a call', () => {
  it('is read with its wish', () => {
    expect(call('{"method":"a.b.C"}')).toEqual({ method: 'a.b.C', parameters: {}, wish: 'one' });
    expect(call('{"method":"a.b.C","parameters":null}').parameters).toEqual({});
    expect(call('{"method":"a.b.C","parameters":{"x":1},"more":true}')).toMatchObject({ parameters: { x: 1 }, wish: 'more' });
    expect(call('{"oneway":true,"method":"a.b.C"}').wish).toBe('oneway');
    expect(call('{"upgrade":true,"method":"a.b.C"}').wish).toBe('upgrade');
    expect(call('{"method":"a.b.C","oneway":false,"more":true}').wish).toBe('more');
  });

  for (const text of [
    '',
    ' ',
    'x',
    '[]',
    'null',
    '"a"',
    '{}',
    '{"method":1}',
    '{"method":"a.b.C","parameters":[]}',
    '{"method":"a.b.C","parameters":"x"}',
    '{"method":"a.b.C","more":1}',
    '{"method":"a.b.C","more":null}',
    '{"method":"a.b.C","oneway":true,"more":true}',
    '{"method":"a.b.C","more":true,"upgrade":true}',
    '{"method":"a.b.C","more":true,"oneway":false}',
    '{"method":"a.b.C","flags":1}',
    '{"method":"a.b.C","__proto__":{}}',
    '{"method":"a.b.C"} {}',
    '\ufeff{"method":"a.b.C"}',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => expect(() => call(text)).toThrow(ProtocolBreach));
  }

  it('is not what is no UTF-8', () => {
    expect(() => decodeCall(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toThrow(ProtocolBreach);
    expect(() => decodeCall(Buffer.from('{"method":"é"}', 'latin1'))).toThrow(ProtocolBreach);
  });

  it('may nest 2048 deep and no deeper', () => {
    const nested = (depth: number) => `{"method":"a.b.C","parameters":{"x":${'['.repeat(depth)}${']'.repeat(depth)}}}`;
    expect(() => call(nested(maxDepth - 2))).not.toThrow();
    expect(() => call(nested(maxDepth - 1))).toThrow(/too deep/);
    expect(() => call('['.repeat(16 * 1024 * 1024))).toThrow(/too deep/);
  });

  it('may have only so many values', () => {
    const many = (count: number) => `{"method":"a.b.C","parameters":{"x":[${Array(count).fill('1').join(',')}]}}`;
    expect(() => call(many(maxValues - 10))).not.toThrow();
    expect(() => call(many(maxValues))).toThrow(/too many values/);
    expect(() => call(`{"method":"a.b.C","parameters":{"x":"${'[,'.repeat(maxValues)}\\"${'[,'.repeat(maxValues)}\\\\"}}`)).not.toThrow();
  });

  it('is read back as it was written', () => {
    const parameters = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(parameters, fc.constantFrom('one' as const, 'oneway' as const, 'more' as const, 'upgrade' as const), (given, wish) => {
        const bytes = encodeCall('a.b.C', given, wish);
        expect(bytes.indexOf(0)).toBe(bytes.length - 1);
        expect(decodeCall(bytes.subarray(0, -1))).toEqual({ method: 'a.b.C', parameters: JSON.parse(JSON.stringify(given)), wish });
      }),
    );
  });

  it('is read or refused whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(typeof decodeCall(Buffer.from(bytes)).method).toBe('string');
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ProtocolBreach);
        }
      }),
    );
  });
});

describe('a reply', () => {
  const read = (bytes: Buffer) => decodeReply(bytes.subarray(0, -1));

  it('leaves out what is null', () => {
    expect(encodeReply({ name: null, list: [{ a: 1, b: null }] }).toString()).toBe('{"parameters":{"list":[{"a":1}]}}\0');
  });

  it('is read back as it was written', () => {
    expect(read(encodeReply({ x: 1 }))).toEqual({ parameters: { x: 1 }, continues: false, error: null });
    expect(read(encodeReply({ x: 1 }, true))).toEqual({ parameters: { x: 1 }, continues: true, error: null });
    expect(read(encodeError('a.b.E', { why: 'x' }))).toEqual({ parameters: { why: 'x' }, continues: false, error: 'a.b.E' });
  });

  it('may have keys that are newer than its reader', () => {
    expect(decodeReply(Buffer.from('{"newer":1}'))).toEqual({ parameters: {}, continues: false, error: null });
  });

  for (const text of ['[]', '{"parameters":1}', '{"continues":"x"}', '{"error":1}', '{']) {
    it(`is not ${text}`, () => expect(() => decodeReply(Buffer.from(text))).toThrow(ProtocolBreach));
  }
});
