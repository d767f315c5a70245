/** Writes TypeScript for interface files: their types, and their canonical text. `tools/generate.mjs` runs it; text in, text out. */
import type { Comment, ErrorMember, Field, Interface, Member, MethodMember, Type } from './idl/ast.ts';
import { check } from './idl/check.ts';
import { parse } from './idl/parse.ts';
import { print } from './idl/print.ts';

const header = (folder: string) => `// Written by \`node tools/generate.mjs\` from ${folder}. Do not edit.\n`;

/**
 * @param sources the texts of the interface files
 * @param folder where they are, for people
 * @returns the texts of the generated files, by their name in `varlink/generated`
 * @throws Error that names the interface where one is not sound
 */
export function generate(sources: readonly string[], folder = 'varlink/interfaces'): Map<string, string> {
  const interfaces = sources.map(parse).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const declared of interfaces) {
    const problems = check(declared);
    if (problems.length > 0) throw new Error(`${declared.name}: ${problems.join('; ')}`);
  }
  return new Map([
    ...interfaces.map((declared) => [`${declared.name}.ts`, interfaceFile(declared, folder)] as const),
    ['index.ts', indexFile(interfaces, folder)] as const,
  ]);
}

function interfaceFile(declared: Interface, folder: string): string {
  return [header(folder), ...declared.members.map(memberText), `export const description = ${textLiteral(print(declared))};\n`].join('\n');
}

function memberText(member: Member): string {
  const comment = docs(member.comment, '');
  switch (member.kind) {
    case 'type':
      return `${comment}export type ${member.name} = ${typeText(member.type, '')};\n`;
    case 'method':
      return [
        `${comment}export type ${member.name}Parameters = ${fieldsText(member.input, '')};\n`,
        `export type ${member.name}Reply = ${fieldsText(member.output, '')};\n`,
      ].join('\n');
    case 'error':
      return `${comment}export type ${member.name}Error = ${fieldsText(member.fields, '')};\n`;
  }
}

function indexFile(interfaces: readonly Interface[], folder: string): string {
  const imports = interfaces.map((declared) => `import * as ${alias(declared)} from './${declared.name}.ts';\n`);
  const lines = (of: (declared: Interface) => readonly string[]) => interfaces.flatMap(of).join('');
  return [
    header(folder),
    imports.join(''),
    '\n',
    '/** Every method, by its full name. */\nexport interface Methods {\n',
    lines((declared) =>
      members(declared, 'method').map(
        ({ name }) =>
          `  '${declared.name}.${name}': { readonly parameters: ${alias(declared)}.${name}Parameters; readonly reply: ${alias(declared)}.${name}Reply };\n`,
      ),
    ),
    '}\n\n/** Every error, by its full name. */\nexport interface Errors {\n',
    lines((declared) => members(declared, 'error').map(({ name }) => `  '${declared.name}.${name}': ${alias(declared)}.${name}Error;\n`)),
    '}\n\n/** The canonical text of every interface, by its name. */\nexport const descriptions = {\n',
    lines((declared) => [`  '${declared.name}': ${alias(declared)}.description,\n`]),
    '} as const;\n',
  ].join('');
}

function members(declared: Interface, kind: 'method'): MethodMember[];
function members(declared: Interface, kind: 'error'): ErrorMember[];
function members(declared: Interface, kind: 'method' | 'error') {
  return declared.members.filter((member) => member.kind === kind);
}

/** `io.systemd.NamespaceResource` → `ioSystemdNamespaceResource` */
function alias(declared: Interface): string {
  return declared.name
    .split(/[.-]/)
    .map((part, index) => (index === 0 ? part : part.charAt(0).toUpperCase() + part.slice(1)))
    .join('');
}

function typeText(type: Type, indent: string): string {
  switch (type.kind) {
    case 'bool':
      return 'boolean';
    case 'int':
    case 'float':
      return 'number';
    case 'string':
      return 'string';
    case 'object':
      return '{ readonly [key: string]: unknown }';
    case 'any':
      return 'unknown';
    case 'named':
      return type.name;
    case 'nullable':
      return `${typeText(type.of, indent)} | null`;
    case 'array':
      return `readonly ${bracketed(type.of, indent)}[]`;
    case 'map':
      return `{ readonly [key: string]: ${typeText(type.of, indent)} }`;
    case 'enum':
      return type.values.map((value) => `'${value.name}'`).join(' | ');
    case 'struct':
      return fieldsText(type.fields, indent);
  }
}

function bracketed(type: Type, indent: string): string {
  const text = typeText(type, indent);
  return type.kind === 'nullable' || type.kind === 'enum' || type.kind === 'array' ? `(${text})` : text;
}

function fieldsText(fields: readonly Field[], indent: string): string {
  if (fields.length === 0) return 'Readonly<Record<string, never>>';
  const inner = `${indent}  `;
  const lines = fields.map(
    ({ name, type, comment }) =>
      `${docs(comment, inner)}${inner}readonly ${name}${type.kind === 'nullable' ? '?' : ''}: ${typeText(type, inner)};\n`,
  );
  return `{\n${lines.join('')}${indent}}`;
}

function docs(comment: Comment, indent: string): string {
  const lines = comment.map((line) => line.replaceAll('*/', '*\\/'));
  if (lines.length === 0) return '';
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}\n`).join('')}${indent} */\n`;
}

function textLiteral(text: string): string {
  return `\`${text.replace(/[\\`]|\$\{/g, '\\$&')}\``;
}
