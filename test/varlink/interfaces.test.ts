/** The interface files: sound, told in words, generated from, and no smaller than what stock clients know. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { generate } from '../../varlink/generate.ts';
import { check } from '../../varlink/idl/check.ts';
import { parse } from '../../varlink/idl/parse.ts';
import { print } from '../../varlink/idl/print.ts';
import { describeInterface, errorShape, interfaceNames, interfaces, isMethodName, parametersShape } from '../../varlink/method/registry.ts';

const room = join(dirname(fileURLToPath(import.meta.url)), '../../varlink');
const files = readdirSync(join(room, 'interfaces'));
const text = (name: string) => readFileSync(join(room, 'interfaces', name), 'utf8');

describe.each(files)('%s', (name) => {
  it('is sound, and named as its file', () => {
    const declared = parse(text(name));
    expect(check(declared)).toEqual([]);
    expect(`${declared.name}.varlink`).toBe(name);
  });

  it('is written in the canonical form', () => {
    expect(text(name)).toBe(print(parse(text(name))));
  });

  it('says something about every member, field and value', () => {
    const declared = parse(text(name));
    const silent = declared.members.flatMap((member) => {
      const parts =
        member.kind === 'method'
          ? [...member.input, ...member.output]
          : member.kind === 'error'
            ? member.fields
            : member.type.kind === 'enum'
              ? member.type.values
              : member.type.fields;
      return [member, ...parts].filter((part) => part.comment.length === 0).map((part) => `${member.name} ${part.name}`);
    });
    expect(declared.comment).not.toEqual([]);
    expect(silent).toEqual([]);
  });
});

it('what is generated is of these files', () => {
  const generated = join(room, 'generated');
  const expected = generate(files.map(text));
  expect(readdirSync(generated).sort()).toEqual([...expected.keys()].sort());
  for (const [name, content] of expected) expect(readFileSync(join(generated, name), 'utf8'), name).toBe(content);
});

it('refuses to generate from an unsound interface', () => {
  expect(() => generate(['interface a.b\nerror E(x: Missing)'])).toThrow('a.b: E: there is no type Missing');
});

it('is found by name', () => {
  expect(interfaceNames).toEqual([...interfaceNames].sort());
  expect(interfaceNames).toContain('org.varlink.service');
  for (const name of interfaceNames) expect(parse(describeInterface(name) ?? '').name).toBe(name);
  for (const name of ['', 'io.nothing', '__proto__', 'toString']) expect(describeInterface(name)).toBe(undefined);
  expect(isMethodName('org.varlink.service.GetInfo')).toBe(true);
  expect(isMethodName('org.varlink.service.InvalidParameter')).toBe(false);
});

it('takes what stock clients of each age send', () => {
  const allocate = parametersShape('io.systemd.NamespaceResource.AllocateUserRange');
  const mount = parametersShape('io.systemd.MountFileSystem.MountImage');
  expect(allocate.fault({ name: 'x', size: 65536, userNamespaceFileDescriptor: 0 })).toBe(null);
  expect(allocate.fault({ name: 'x', mangleName: true, size: 65536, userNamespaceFileDescriptor: 0 })).toBe(null);
  expect(allocate.fault({ name: 'x', size: '65536', target: '0', userNamespaceFileDescriptor: '0', type: 'self', mapForeign: true })).toBe(
    null,
  );
  const old = {
    imageFileDescriptor: 0,
    userNamespaceFileDescriptor: 1,
    readOnly: true,
    growFileSystems: true,
    allowInteractiveAuthentication: false,
  };
  expect(mount.fault(old)).toBe(null);
  expect(mount.fault({ ...old, relaxExtensionReleaseChecks: false, veritySharing: false, imagePolicy: 'root=signed:=unused+absent' })).toBe(
    null,
  );
  expect(mount.fault({ ...old, mountOptions: { 'root-verity': 'x' } })).toBe(null);
});

it('every error of ours may carry a reason and a message, and needs neither', () => {
  const bare = new Set(['Disconnected', 'TimedOut', 'Protocol']);
  const errors = interfaces.flatMap((declared) =>
    declared.members.flatMap((member) => (member.kind === 'error' ? [{ declared, member }] : [])),
  );
  for (const { declared, member } of errors) {
    if (declared.name === 'org.varlink.service' || (declared.name === 'io.systemd' && bare.has(member.name))) continue;
    expect(
      member.fields.map((field) => field.name),
      member.name,
    ).toEqual(expect.arrayContaining(['reason', 'message']));
  }
  expect(errorShape('io.systemd.NamespaceResource.NameExists').fault({})).toBe(null);
});
