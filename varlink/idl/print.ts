/** Tree to text, in the one form that introspection shows: a member to a paragraph, a field to a line, each under its comment. */
import type { Comment, EnumValue, Field, Interface, Member, Type } from './ast.ts';

/** The canonical text of an interface; `parse` gives the same tree back. */
export function print(declared: Interface): string {
  const head = `${comment(declared.comment, '')}interface ${declared.name}\n`;
  return [head, ...declared.members.map((member) => `${comment(member.comment, '')}${printMember(member)}\n`)].join('\n');
}

function printMember(member: Member): string {
  switch (member.kind) {
    case 'type':
      return `type ${member.name}${body(member.type)}`;
    case 'method':
      return `method ${member.name}${struct(member.input, '')} -> ${struct(member.output, '')}`;
    case 'error':
      return `error ${member.name}${struct(member.fields, '')}`;
  }
}

function body(type: Type): string {
  return type.kind === 'enum' ? values(type.values, '') : type.kind === 'struct' ? struct(type.fields, '') : printType(type, '');
}

function printType(type: Type, indent: string): string {
  switch (type.kind) {
    case 'nullable':
      return `?${printType(type.of, indent)}`;
    case 'array':
      return `[]${printType(type.of, indent)}`;
    case 'map':
      return `[string]${printType(type.of, indent)}`;
    case 'named':
      return type.name;
    case 'struct':
      return struct(type.fields, indent);
    case 'enum':
      return values(type.values, indent);
    default:
      return type.kind;
  }
}

function struct(fields: readonly Field[], indent: string): string {
  const inner = `${indent}\t`;
  return list(
    fields.map((field) => `${comment(field.comment, inner)}${inner}${field.name}: ${printType(field.type, inner)}`),
    indent,
  );
}

function values(members: readonly EnumValue[], indent: string): string {
  const inner = `${indent}\t`;
  return list(
    members.map((value) => `${comment(value.comment, inner)}${inner}${value.name}`),
    indent,
  );
}

function list(lines: readonly string[], indent: string): string {
  return lines.length === 0 ? '()' : `(\n${lines.join(',\n')}\n${indent})`;
}

function comment(lines: Comment, indent: string): string {
  return lines.map((line) => `${indent}#${line === '' ? '' : ` ${line}`}\n`).join('');
}
