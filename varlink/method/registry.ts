/** The interfaces that Postern declares, ready for use: their texts, and a shape for the input and output of each method and of each error. */
import { descriptions, type Errors, type Methods } from '../generated/index.ts';
import type { ErrorMember, Interface, MethodMember } from '../idl/ast.ts';
import { parse } from '../idl/parse.ts';
import { Shape, type Unknown } from './shape.ts';

export type { Errors, Methods } from '../generated/index.ts';

export type MethodName = keyof Methods;
export type ErrorName = keyof Errors;
export type ParametersOf<N extends MethodName> = Methods[N]['parameters'];
export type ReplyOf<N extends MethodName> = Methods[N]['reply'];

/** Parsed once, when the program starts. */
export const interfaces: readonly Interface[] = Object.values(descriptions).map(parse);

const byName = new Map(interfaces.map((declared) => [declared.name, declared]));
const methods = new Map<string, { declared: Interface; member: MethodMember }>(
  interfaces.flatMap((declared) =>
    declared.members.flatMap((member) =>
      member.kind === 'method' ? [[`${declared.name}.${member.name}`, { declared, member }] as const] : [],
    ),
  ),
);
const errors = new Map<string, { declared: Interface; member: ErrorMember }>(
  interfaces.flatMap((declared) =>
    declared.members.flatMap((member) =>
      member.kind === 'error' ? [[`${declared.name}.${member.name}`, { declared, member }] as const] : [],
    ),
  ),
);

/** The full names of all interfaces, sorted. */
export const interfaceNames: readonly string[] = [...byName.keys()].sort();

/** The canonical text of an interface, or undefined where there is none of that name. */
export function describeInterface(name: string): string | undefined {
  return Object.entries(descriptions).find(([key]) => key === name)?.[1];
}

export function isMethodName(name: string): name is MethodName {
  return methods.has(name);
}

export function isErrorName(name: string): name is ErrorName {
  return errors.has(name);
}

/** What a method takes. A server refuses fields that it does not know. */
export function parametersShape<N extends MethodName>(name: N, unknown: Unknown = 'refuse'): Shape<ParametersOf<N>> {
  const { declared, member } = found(methods.get(name), name);
  return new Shape<ParametersOf<N>>(declared, member.input, unknown);
}

/** What a method answers. A client passes over fields that are newer than it. */
export function replyShape<N extends MethodName>(name: N, unknown: Unknown = 'ignore'): Shape<ReplyOf<N>> {
  const { declared, member } = found(methods.get(name), name);
  return new Shape<ReplyOf<N>>(declared, member.output, unknown);
}

export function errorShape<N extends ErrorName>(name: N, unknown: Unknown = 'ignore'): Shape<Errors[N]> {
  const { declared, member } = found(errors.get(name), name);
  return new Shape<Errors[N]>(declared, member.fields, unknown);
}

function found<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`${name} is not declared`);
  return value;
}
