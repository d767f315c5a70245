/** Messages for hostile streams: sound calls, calls that are nearly sound, and what no client would ever write. */

import { maxMessageBytes } from '../../../varlink/framing.ts';
import type { Field, Interface, MethodMember, Type } from '../../../varlink/idl/ast.ts';
import { declaredTypes } from '../../../varlink/idl/check.ts';
import { interfaces } from '../../../varlink/method/registry.ts';
import type { Random } from './random.ts';

/** What a descriptor of a call refers to. */
export type Kind = 'namespace' | 'file' | 'directory' | 'path' | 'device' | 'socket';
const kinds: readonly Kind[] = ['namespace', 'file', 'directory', 'path', 'device'];

/** Sockets are rare: while one is on its way, the kernel looks for cycles of them whenever any socket is closed. */
export function makeKind(random: Random): Kind {
  return random.chance(10) ? 'socket' : random.pick(kinds);
}

/** What is known of the answer to a sound call beforehand. */
export type Outcome = { readonly name: string } | { readonly error: string };

export interface Text {
  /** with its NUL, where it has one */
  readonly bytes: Buffer;
  readonly descriptors: readonly Kind[];
  readonly outcome: Outcome | null;
}

const allocate = 'io.systemd.NamespaceResource.AllocateUserRange';
const methods = interfaces.flatMap((declared) =>
  declared.members.flatMap((member) => (member.kind === 'method' ? [{ declared, member }] : [])),
);
const strings = ['x', '', 'managed', 'io.systemd', 'io.systemd.NamespaceResource', '\0', '\ud800', 'é', '*', '..', '0', '65536'];
const integers = [0, 1, 2, 65536, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 53, 1e308, 0.5];
const rawNumbers = ['1e999', '-0', '9007199254740993', '9'.repeat(400), '0x10', '01', '-', 'NaN', '1.'];
const tokens = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\\u0000',
  '\\ud800',
  '\0',
  'null',
  'true',
  '"more":true,',
  '"oneway":true,',
  '  ',
];

/** One message of a stream. `place` makes what it asks for its own. */
export function makeText(random: Random, place: number): Text {
  return random.weighted<Text>([
    [200, () => call(random, 'org.varlink.service.GetInfo', {}, [])],
    [120, () => description(random)],
    [90, () => call(random, `io.nobody.Call${place}`, {}, someKinds(random))],
    [150, () => allocation(random, place)],
    [
      40,
      () =>
        text(write({ method: allocate, parameters: allocationParameters(`none${place}`) }), [], {
          error: 'org.varlink.service.InvalidParameter',
        }),
    ],
    [60, () => image(random)],
    [260, () => generated(random)],
    [160, () => mutated(random)],
    [60, () => text(Buffer.from(random.list(random.below(40), () => random.below(256))), someKinds(random))],
    [60, () => odd(random)],
    [1, () => large(random)],
  ]);
}

/** A message that never comes to its end. */
export function unfinished(random: Random): Buffer {
  const { bytes } = generated(random);
  return bytes.subarray(0, 1 + random.below(bytes.length - 1));
}

/** A message longer than any may be; its text is sound otherwise. */
export function overLimit(random: Random): Text {
  const head = Buffer.from('{"method":"org.varlink.service.GetInfo"');
  const size = maxMessageBytes + 1 + random.below(100_000);
  return text(Buffer.concat([head, Buffer.alloc(size - head.length - 1, ' '), Buffer.from('}\0')]), []);
}

function text(bytes: Buffer, descriptors: readonly Kind[], outcome: Outcome | null = null): Text {
  return { bytes, descriptors, outcome };
}

function write(message: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(message)}\0`);
}

function wishes(random: Random): object {
  if (!random.chance(250)) return {};
  return random.pick<object>([
    { more: true },
    { more: true },
    { more: true },
    { oneway: true },
    { oneway: true },
    { upgrade: true },
    { more: false, oneway: false },
    { more: true, oneway: true },
    { upgrade: true, more: true },
    { oneway: 1 },
    { more: null },
    { extra: {} },
    { 'io.nobody': { x: 1 } },
  ]);
}

function call(random: Random, method: string, parameters: object, descriptors: readonly Kind[]): Text {
  return text(write({ method, ...(random.chance(800) ? { parameters } : {}), ...wishes(random) }), descriptors);
}

function description(random: Random): Text {
  const known = random.pick([
    'io.systemd',
    'io.systemd',
    'io.systemd',
    'io.postern.Images',
    'org.varlink.service',
    'io.systemd.UserDatabase',
  ]);
  return call(random, 'org.varlink.service.GetInterfaceDescription', { interface: random.chance(700) ? known : random.pick(strings) }, []);
}

function allocationParameters(name: string): object {
  return { name, size: 65536, userNamespaceFileDescriptor: 0 };
}

/** It succeeds, or the descriptor was lost on the way. */
function allocation(random: Random, place: number): Text {
  const name = `sound${place}`;
  const more = random.chance(100) ? { more: true } : {};
  const further = random.chance(5) ? random.list(252, () => makeKind(random)) : someKinds(random);
  return text(write({ method: allocate, parameters: allocationParameters(name), ...more }), ['namespace', ...further], { name });
}

/** A sound call about an image; verifying one tells how far it is, where that is asked for. */
function image(random: Random): Text {
  const wish = random.chance(500) ? { more: true } : {};
  if (random.chance(500)) {
    const parameters = { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1 };
    return text(write({ method: 'io.systemd.MountFileSystem.MountImage', parameters, ...wish }), [
      'file',
      'namespace',
      ...someKinds(random),
    ]);
  }
  const parameters = { imageFileDescriptor: 0 };
  return text(write({ method: 'io.postern.Images.Prepare', parameters, ...wish }), ['file', ...someKinds(random)]);
}

/** A call as its declaration has it, mostly. */
function generated(random: Random): Text {
  const { declared, member } = random.pick(methods);
  return call(random, `${declared.name}.${member.name}`, input(random, declared, member), someKinds(random));
}

function input(random: Random, declared: Interface, member: MethodMember): object {
  const parameters = struct(random, declared, member.input, 3);
  return random.chance(50) ? { ...parameters, surplus: junk(random) } : parameters;
}

function struct(random: Random, declared: Interface, fields: readonly Field[], depth: number): object {
  return Object.fromEntries(
    fields.flatMap(({ name, type }) => {
      if (random.chance(type.kind === 'nullable' ? 600 : 20)) return [];
      if (name.endsWith('FileDescriptor') && random.chance(800)) return [[name, random.below(3)]];
      return [[name, random.chance(80) ? junk(random) : value(random, declared, type, depth)]];
    }),
  );
}

function value(random: Random, declared: Interface, type: Type, depth: number): unknown {
  if (depth === 0) return junk(random);
  const inner = (of: Type) => value(random, declared, of, depth - 1);
  switch (type.kind) {
    case 'bool':
      return random.chance(500);
    case 'int':
    case 'float':
      return random.chance(200) ? String(random.pick(integers)) : random.pick(integers);
    case 'string':
      return random.pick(strings);
    case 'enum':
      return random.pick(type.values).name;
    case 'struct':
      return struct(random, declared, type.fields, depth - 1);
    case 'nullable':
      return random.chance(150) ? null : inner(type.of);
    case 'array':
      return random.list(random.below(3), () => inner(type.of));
    case 'map':
      return Object.fromEntries(random.list(random.below(3), () => [random.pick(strings), inner(type.of)]));
    case 'named': {
      const named = declaredTypes(declared).get(type.name);
      return named === undefined ? junk(random) : inner(named.type);
    }
    case 'object':
    case 'any':
      return junk(random);
  }
}

function junk(random: Random): unknown {
  return random.weighted<unknown>([
    [3, () => random.pick(strings)],
    [3, () => random.pick(integers)],
    [1, () => null],
    [1, () => true],
    [1, () => ({ [random.pick(strings)]: random.pick(integers) })],
    [1, () => [random.pick(strings), [], {}]],
    [1, () => 'long'.repeat(random.below(2000))],
  ]);
}

/** A call with a few of its bytes changed, taken out, put in or doubled. */
function mutated(random: Random): Text {
  const { bytes, descriptors } = generated(random);
  let changed = bytes;
  for (let left = 1 + random.below(3); left > 0; left -= 1) changed = mutate(random, changed);
  return text(changed, descriptors);
}

function mutate(random: Random, bytes: Buffer): Buffer {
  const from = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, from + random.below(12));
  const splice = (middle: Buffer) => Buffer.concat([bytes.subarray(0, from), middle, bytes.subarray(to)]);
  return random.weighted<Buffer>([
    [4, () => splice(Buffer.from(random.list(to - from, () => random.below(256))))],
    [3, () => splice(Buffer.alloc(0))],
    [4, () => splice(Buffer.from(random.pick(tokens)))],
    [2, () => splice(Buffer.concat([bytes.subarray(from, to), bytes.subarray(from, to)]))],
    [2, () => Buffer.from(bytes.toString('latin1').replace(/:-?\d+/, `:${random.pick(rawNumbers)}`), 'latin1')],
    [1, () => splice(Buffer.from([0xc3, 0x28, 0xff, 0xed, 0xa0, 0x80].slice(random.below(6))))],
  ]);
}

/** What is JSON, or nearly, and still no call, or one that takes a second look. */
function odd(random: Random): Text {
  const info = '"method":"org.varlink.service.GetInfo"';
  const depth = random.pick([3, 100, 2046, 2047, 5000, 50_000]);
  const body = random.pick([
    '',
    ' ',
    '{}',
    'null',
    '[]',
    `[{${info}}]`,
    '"x"',
    `\ufeff{${info}}`,
    ` {${info}}\n`,
    `{${info}} {${info}}`,
    `{${info},}`,
    `{${info},${info}}`,
    `{${info},"method":1}`,
    `{"method":1,${info}}`,
    `{${info},"parameters":{"a":1},"parameters":{}}`,
    `{${info},"parameters":[]}`,
    `{${info},"parameters":null}`,
    `{${info},"__proto__":{"more":true}}`,
    `{${info},"parameters":{"__proto__":{"x":1},"constructor":1}}`,
    `{${info},"more":true,"more":false}`,
    '{"method":""}',
    '{"method":"GetInfo"}',
    '{"method":"org.varlink.service."}',
    '{"method":".."}',
    '{"method":"__proto__.toString"}',
    '{"method":"\\u0000\\ud800"}',
    `{"method":"${'a.'.repeat(3000)}B"}`,
    `{${info},"parameters":{"x":${'['.repeat(depth)}${']'.repeat(depth)}}}`,
    `{${info},"parameters":{"x":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}}`,
    `{${info},"parameters":{"x":${'['.repeat(depth)}}}`,
    `{"error":"io.systemd.System","parameters":{}}`,
  ]);
  return text(Buffer.from(`${body}\0`), someKinds(random));
}

/** Many bytes or many values, within the limits or beyond that of values. */
function large(random: Random): Text {
  const padding = Buffer.alloc(random.below(2 * 1024 * 1024), ' ');
  const values = `"parameters":{"x":[${'1,'.repeat(random.pick([1000, 50_000, 70_000]))}1]}`;
  return random.pick([
    text(Buffer.concat([padding, Buffer.from('{"method":"org.varlink.service.GetInfo"}\0')]), []),
    text(Buffer.from(`{"method":"org.varlink.service.GetInfo",${values}}\0`), []),
  ]);
}

function someKinds(random: Random): Kind[] {
  return random.chance(500) ? [] : random.list(random.below(4), () => makeKind(random));
}
