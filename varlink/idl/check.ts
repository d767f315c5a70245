/** What a grammar can't say: names are unique, named types exist, and a value of each type can be written down. */
import type { Field, Interface, Member, Type, TypeMember } from './ast.ts';

/**
 * Everything that is wrong with the meaning of an interface, in the order of its text. Empty means sound.
 */
export function check(declared: Interface): string[] {
  const types = declaredTypes(declared);
  const problems = duplicates(declared.members.map((member) => member.name)).map((name) => `${name} is declared twice`);
  for (const member of declared.members) {
    for (const fields of fieldLists(member)) problems.push(...checkFields(fields, member.name, types));
    if (member.kind === 'type' && containsItself(member, types)) problems.push(`${member.name} contains itself without an end`);
  }
  return problems;
}

/** The types that an interface declares, by name. */
export function declaredTypes(declared: Interface): ReadonlyMap<string, TypeMember> {
  return new Map(declared.members.flatMap((member) => (member.kind === 'type' ? [[member.name, member] as const] : [])));
}

function fieldLists(member: Member): readonly (readonly Field[])[] {
  switch (member.kind) {
    case 'method':
      return [member.input, member.output];
    case 'error':
      return [member.fields];
    case 'type':
      return [[{ name: member.name, type: member.type, comment: [] }]];
  }
}

function checkFields(fields: readonly Field[], place: string, types: ReadonlyMap<string, TypeMember>): string[] {
  return [
    ...duplicates(fields.map((field) => field.name)).map((name) => `${place}: ${name} is declared twice`),
    ...fields.flatMap((field) => checkType(field.type, place, types)),
  ];
}

function checkType(type: Type, place: string, types: ReadonlyMap<string, TypeMember>): string[] {
  switch (type.kind) {
    case 'nullable':
    case 'array':
    case 'map':
      return checkType(type.of, place, types);
    case 'named':
      return types.has(type.name) ? [] : [`${place}: there is no type ${type.name}`];
    case 'struct':
      return checkFields(type.fields, place, types);
    case 'enum':
      return duplicates(type.values.map((value) => value.name)).map((name) => `${place}: ${name} is declared twice`);
    default:
      return [];
  }
}

function duplicates(names: readonly string[]): string[] {
  return names.filter((name, index) => names.indexOf(name) < index);
}

/** True when every value of the type would need another value of it inside: nullables, arrays and maps end such a chain. */
function containsItself(member: TypeMember, types: ReadonlyMap<string, TypeMember>): boolean {
  const seen = new Set<string>();
  const reaches = (type: Type): boolean => {
    if (type.kind === 'struct') return type.fields.some((field) => reaches(field.type));
    if (type.kind !== 'named') return false;
    if (type.name === member.name) return true;
    if (seen.has(type.name)) return false;
    seen.add(type.name);
    const target = types.get(type.name);
    return target !== undefined && reaches(target.type);
  };
  return reaches(member.type);
}
