/** The nouns of the Varlink interface language, as the parser leaves them: one node for each kind of thing that a file can say. */

/** Lines of a comment without their `#`, first to last. A comment belongs to what follows it. */
export type Comment = readonly string[];

export const scalarKinds = ['bool', 'int', 'float', 'string', 'object', 'any'] as const;
export type ScalarKind = (typeof scalarKinds)[number];

export interface Scalar {
  readonly kind: ScalarKind;
}

/** A type that the same interface declares. */
export interface Named {
  readonly kind: 'named';
  readonly name: string;
}

export interface Field {
  readonly name: string;
  readonly type: Type;
  readonly comment: Comment;
}

export interface Struct {
  readonly kind: 'struct';
  readonly fields: readonly Field[];
}

export interface EnumValue {
  readonly name: string;
  readonly comment: Comment;
}

export interface Enum {
  readonly kind: 'enum';
  readonly values: readonly EnumValue[];
}

/** `[]T`, `[string]T` (keys are strings) and `?T`. */
export interface Wrapped {
  readonly kind: 'array' | 'map' | 'nullable';
  readonly of: Type;
}

export type Type = Scalar | Named | Struct | Enum | Wrapped;

export interface TypeMember {
  readonly kind: 'type';
  readonly name: string;
  readonly type: Struct | Enum;
  readonly comment: Comment;
}

export interface MethodMember {
  readonly kind: 'method';
  readonly name: string;
  readonly input: readonly Field[];
  readonly output: readonly Field[];
  readonly comment: Comment;
}

export interface ErrorMember {
  readonly kind: 'error';
  readonly name: string;
  readonly fields: readonly Field[];
  readonly comment: Comment;
}

export type Member = TypeMember | MethodMember | ErrorMember;

export interface Interface {
  /** reverse-domain name, such as `io.systemd.NamespaceResource` */
  readonly name: string;
  readonly comment: Comment;
  readonly members: readonly Member[];
}

/** Where in the text something was wrong; lines and columns count from 1. */
export class IdlError extends Error {
  override readonly name = 'IdlError';

  constructor(
    readonly what: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(`${line}:${column}: ${what}`);
  }
}
