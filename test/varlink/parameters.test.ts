/** Parameters against their declaration: what fits, and which field is named when it does not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from '../../varlink/idl/parse.ts';
import { Shape } from '../../varlink/method/shape.ts';

const declared = parse(`interface a.b
type Colour(red, green)
type Point(x: int, y: ?int)
type Tree(children: []Tree)
method M(
  b: ?bool, i: ?int, f: ?float, s: ?string, o: ?object, any: ?any, e: ?Colour, p: ?Point, t: ?Tree,
  list: ?[]int, maybes: ?[]?int, map: ?[string]string, inline: ?(a: int), constructor: ?string
) -> ()
method N(i: int, s: string) -> ()`);

function shape(method: string): Shape<unknown> {
  const member = declared.members.find((candidate) => candidate.name === method);
  if (member?.kind !== 'method') throw new Error('no such method');
  return new Shape(declared, member.input, 'refuse');
}

const M = shape('M');
const N = shape('N');

describe('what fits', () => {
  for (const value of [
    {},
    { b: true },
    { b: null },
    { i: 3 },
    { i: -3 },
    { i: 2 ** 53 - 1 },
    { f: 1 },
    { f: 1.5 },
    { s: '' },
    { o: {} },
    { o: { any: ['thing'] } },
    { any: [1, 'x', null] },
    { e: 'red' },
    { p: { x: 1 } },
    { p: { x: 1, y: null } },
    { t: { children: [{ children: [] }] } },
    { list: [] },
    { list: [1, '2'] },
    { maybes: [null, 1] },
    { map: { a: 'b' } },
    { inline: { a: 1 } },
    { constructor: 'x' },
  ]) {
    it(JSON.stringify(value), () => expect(M.fault(structuredClone(value))).toBe(null));
  }
});

describe('what does not, by the field that is named', () => {
  for (const [value, field] of [
    ['{"b":1}', 'b'],
    ['{"i":1.5}', 'i'],
    ['{"i":9007199254740993}', 'i'],
    ['{"i":"9007199254740993"}', 'i'],
    ['{"i":"0x10"}', 'i'],
    ['{"i":""}', 'i'],
    ['{"i":" 1"}', 'i'],
    ['{"i":true}', 'i'],
    ['{"f":"1"}', 'f'],
    ['{"s":1}', 's'],
    ['{"s":"a\\u0000b"}', 's'],
    ['{"s":"\\ud800"}', 's'],
    ['{"o":[]}', 'o'],
    ['{"e":"blue"}', 'e'],
    ['{"e":"__proto__"}', 'e'],
    ['{"p":{}}', 'p'],
    ['{"p":{"x":1,"z":1}}', 'p'],
    ['{"t":{"children":[{"children":null}]}}', 't'],
    ['{"list":{}}', 'list'],
    ['{"list":[null]}', 'list'],
    ['{"map":{"a":1}}', 'map'],
    ['{"map":{"a\\u0000":"x"}}', 'map'],
    ['{"map":[]}', 'map'],
    ['{"other":1}', 'other'],
    ['{"__proto__":{}}', '__proto__'],
    ['{"toString":1}', 'toString'],
    ['{"other":1,"b":1}', 'b'],
  ] as const) {
    it(value, () => expect(M.fault(JSON.parse(value))).toBe(field));
  }

  it('names the first declared field that is missing or null', () => {
    expect(N.fault({})).toBe('i');
    expect(N.fault({ i: 1 })).toBe('s');
    expect(N.fault({ i: 1, s: null })).toBe('s');
  });

  it('has no name for what is no object', () => {
    for (const value of [null, [], 1, 'x', undefined]) expect(M.fault(value)).toBe('');
  });
});

it('decimal strings become numbers, wherever they are', () => {
  const value = { i: '12', p: { x: '-1' }, list: ['0', 1] };
  expect(M.fits(value)).toBe(true);
  expect(value).toEqual({ i: 12, p: { x: -1 }, list: [0, 1] });
});

it('a client passes over fields that are newer than it', () => {
  const member = declared.members.find((candidate) => candidate.name === 'N');
  if (member?.kind !== 'method') throw new Error('no such method');
  expect(new Shape(declared, member.input, 'ignore').fault({ i: 1, s: '', newer: true })).toBe(null);
});

it('any JSON gets an answer, and what fits still fits', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const first = M.fault(value);
      if (first === null) expect(M.fault(value)).toBe(null);
      else expect(typeof first).toBe('string');
    }),
  );
});
