/** The interface language: text to tree and back, and what is no sound interface. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Field, Interface, Member, Type } from '../../varlink/idl/ast.ts';
import { IdlError } from '../../varlink/idl/ast.ts';
import { check } from '../../varlink/idl/check.ts';
import { isInterfaceName } from '../../varlink/idl/names.ts';
import { parse } from '../../varlink/idl/parse.ts';
import { print } from '../../varlink/idl/print.ts';

const memberName = fc.stringMatching(/^[A-Z][A-Za-z0-9]{0,8}$/);
const fieldName = fc.stringMatching(/^[a-z](?:_?[A-Za-z0-9]){0,6}$/);
const comment = fc.array(fc.stringMatching(/^[ -~]{0,20}$/), { maxLength: 2 });
const interfaceName = fc.stringMatching(/^[a-z][a-z0-9]{0,4}(\.[a-z0-9](-?[a-z0-9]){0,3}){1,3}$/);

const { type } = fc.letrec<{ type: Type; bare: Type; fields: Field[] }>((tie) => ({
  type: fc.oneof({ depthSize: 'small' }, tie('bare'), fc.record({ kind: fc.constant('nullable' as const), of: tie('bare') })),
  bare: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom('bool', 'int', 'float', 'string', 'object', 'any').map((kind) => ({ kind })),
    fc.record({ kind: fc.constant('named' as const), name: memberName }),
    fc.record({ kind: fc.constantFrom('array' as const, 'map' as const), of: tie('type') }),
    fc.record({ kind: fc.constant('struct' as const), fields: tie('fields') }),
    fc.record({
      kind: fc.constant('enum' as const),
      values: fc.array(fc.record({ name: fieldName, comment }), { minLength: 1, maxLength: 3 }),
    }),
  ),
  fields: fc.array(fc.record({ name: fieldName, type: tie('type'), comment }), { maxLength: 3 }),
}));
const fields = fc.array(fc.record({ name: fieldName, type, comment }), { maxLength: 4 });
const member: fc.Arbitrary<Member> = fc.oneof(
  fc.record({
    kind: fc.constant('type' as const),
    name: memberName,
    type: fc.record({ kind: fc.constant('struct' as const), fields }),
    comment,
  }),
  fc.record({ kind: fc.constant('method' as const), name: memberName, input: fields, output: fields, comment }),
  fc.record({ kind: fc.constant('error' as const), name: memberName, fields, comment }),
);
const anyInterface: fc.Arbitrary<Interface> = fc.record({ name: interfaceName, comment, members: fc.array(member, { maxLength: 5 }) });

describe('text and tree', () => {
  it('every tree survives being printed and parsed', () => {
    fc.assert(
      fc.property(anyInterface, (tree) => {
        expect(parse(print(tree))).toEqual(tree);
      }),
    );
  });

  it('any text is parsed or refused with its place, and printing is stable', () => {
    const words = fc.constantFrom(
      'interface a.b',
      'type',
      'method',
      'error',
      'A',
      'a',
      '(',
      ')',
      ':',
      ',',
      '?',
      '[]',
      '[string]',
      '->',
      'int',
      '#c\n',
      '\n',
      '\0',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((list) => list.join(' ')),
        ),
        (text) => {
          try {
            const printed = print(parse(text));
            expect(print(parse(printed))).toBe(printed);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(IdlError);
          }
        },
      ),
    );
  });

  it('comments belong to what follows them, also behind a comma', () => {
    const tree = parse('# one\n#two\ninterface a.b\n# of A\ntype A(x: int, # of y\n y: ?[]string)');
    expect(tree.comment).toEqual(['one', 'two']);
    expect(tree.members[0]).toMatchObject({
      comment: ['of A'],
      type: {
        fields: [
          { name: 'x', comment: [] },
          { name: 'y', comment: ['of y'] },
        ],
      },
    });
  });

  for (const [text, place] of [
    ['', '1:1'],
    ['interface nodots', '1:11'],
    ['interface a.b\ntype a(x: int)', '2:6'],
    ['interface a.b\ntype A(x: int, y)', '2:17'],
    ['interface a.b\ntype A(x, y: int)', '2:12'],
    ['interface a.b\ntype A(x: ??int)', '2:12'],
    ['interface a.b\ntype A(x__y: int)', '2:8'],
    ['interface a.b\nmethod M() -> (a)', '2:15'],
    ['interface a.b\nmethod M(x: int)', '2:17'],
    ['interface a.b\ntype A(x: int,)', '2:15'],
    ['interface a.b\n$', '2:1'],
  ] as const) {
    it(`refuses ${JSON.stringify(text)} at ${place}`, () => {
      expect(() => parse(text)).toThrow(new RegExp(`^${place}: `));
    });
  }

  it('refuses types that nest deeper than 64', () => {
    const nested = (depth: number) => `interface a.b\ntype A(x: ${'[]'.repeat(depth)}int)`;
    expect(() => parse(nested(60))).not.toThrow();
    expect(() => parse(nested(100_000))).toThrow(/nest too deep/);
    expect(() => parse(`interface a.b\ntype A(${'x: ('.repeat(100_000)}`)).toThrow(/nest too deep/);
  });
});

describe('meaning', () => {
  for (const [text, problem] of [
    ['type A(x: int)\nerror A()', 'A is declared twice'],
    ['method M(x: int, x: string) -> ()', 'M: x is declared twice'],
    ['type A(a, b, a)', 'A: a is declared twice'],
    ['error E(x: ?[]Missing)', 'E: there is no type Missing'],
    ['type A(b: B)\ntype B(a: A)', 'A contains itself without an end'],
  ] as const) {
    it(`tells that ${problem}`, () => {
      expect(check(parse(`interface a.b\n${text}`))).toContain(problem);
    });
  }

  it('lets a type contain itself where a value can end', () => {
    expect(check(parse('interface a.b\ntype Tree(children: []Tree, parent: ?Tree, names: [string]Tree)'))).toEqual([]);
  });

  it('the same name may be an input and an output', () => {
    expect(check(parse('interface a.b\nmethod M(x: int) -> (x: string)'))).toEqual([]);
  });

  it('knows interface names', () => {
    for (const name of ['a.b', 'org.varlink.service', 'io.systemd.x-y', 'a.1']) expect(isInterfaceName(name), name).toBe(true);
    for (const name of ['', 'a', '1.a', 'a.', '.a', 'a..b', 'a.-b', 'a.b-', 'a.b_c']) expect(isInterfaceName(name), name).toBe(false);
  });
});
