/** Checks values against declared types: each type of the tree becomes one closure, once, so that a call costs no look-up. */
import type { Field, Interface, Type, TypeMember } from '../idl/ast.ts';
import { declaredTypes } from '../idl/check.ts';

/** What a check answers for a value that does not fit. A symbol, since every JSON value may be a valid one. */
const unfit = Symbol('unfit');

/** Gives the value back, decimal strings as the numbers that they stand for, or `unfit`. */
type Check = (value: unknown) => unknown;

/** How an object's further fields are taken: a server refuses what it does not know, a client passes over what is newer than it. */
export type Unknown = 'refuse' | 'ignore';

/** NUL would cut a string short at the kernel; half a surrogate pair could not be passed on. */
export const unsound = /\0|\p{Cs}/u;

const decimal = /^-?(?:0|[1-9][0-9]{0,18})$/;

/** The fields of a method's input or output, or of an error. `T` is the type that the generator wrote for the same fields. */
export class Shape<T> {
  readonly #fault: (value: unknown) => string | null;

  constructor(declared: Interface, fields: readonly Field[], unknown: Unknown) {
    this.#fault = compileFields(fields, new Compiler(declaredTypes(declared), unknown));
  }

  /**
   * Whether the value has this shape. Integers that came as decimal strings are replaced by numbers in place.
   * Integers outside ±2^53 do not fit, since no parameter of ours is that large.
   */
  fits(value: unknown): value is T {
    return this.#fault(value) === null;
  }

  /** The field at fault, as the outermost object names it; '' when the value is no object or the field's name is unsound, null when all is well. */
  fault(value: unknown): string | null {
    return this.#fault(value);
  }
}

class Compiler {
  readonly #named = new Map<string, Check>();

  constructor(
    readonly types: ReadonlyMap<string, TypeMember>,
    readonly unknown: Unknown,
  ) {}

  compile(type: Type): Check {
    switch (type.kind) {
      case 'bool':
        return (value) => (typeof value === 'boolean' ? value : unfit);
      case 'int':
        return integer;
      case 'float':
        return (value) => (typeof value === 'number' ? value : unfit);
      case 'string':
        return (value) => (typeof value === 'string' && !unsound.test(value) ? value : unfit);
      case 'object':
        return (value) => (isObject(value) ? value : unfit);
      case 'any':
        return (value) => value;
      case 'named':
        return this.#reference(type.name);
      case 'enum': {
        const names = new Set<unknown>(type.values.map((value) => value.name));
        return (value) => (names.has(value) ? value : unfit);
      }
      case 'struct': {
        const fault = compileFields(type.fields, this);
        return (value) => (fault(value) === null ? value : unfit);
      }
      case 'nullable': {
        const inner = this.compile(type.of);
        return (value) => (value === null ? null : inner(value));
      }
      case 'array':
        return arrayOf(this.compile(type.of));
      case 'map':
        return mapOf(this.compile(type.of));
    }
  }

  /** A type may name itself, so the closure is looked up when the first value comes. */
  #reference(name: string): Check {
    let check: Check | undefined;
    return (value) => {
      check ??= this.#resolve(name);
      return check(value);
    };
  }

  #resolve(name: string): Check {
    const known = this.#named.get(name);
    if (known !== undefined) return known;
    const member = this.types.get(name);
    if (member === undefined) throw new Error(`there is no type ${name}`);
    const check = this.compile(member.type);
    this.#named.set(name, check);
    return check;
  }
}

/** The order of faults is what existing servers answer: declared fields first, in their order, then names that are not declared. */
function compileFields(fields: readonly Field[], compiler: Compiler): (value: unknown) => string | null {
  const checks = fields.map((field) => ({
    name: field.name,
    check: compiler.compile(field.type),
    mayMiss: field.type.kind === 'nullable',
  }));
  const known = new Set(fields.map((field) => field.name));
  const refuses = compiler.unknown === 'refuse';
  return (value) => {
    if (!isObject(value)) return '';
    for (const { name, check, mayMiss } of checks) {
      if (!Object.hasOwn(value, name)) {
        if (mayMiss) continue;
        return name;
      }
      const before = value[name];
      const after = check(before);
      if (after === unfit) return name;
      if (after !== before) value[name] = after;
    }
    if (refuses) for (const name in value) if (!known.has(name)) return unsound.test(name) ? '' : name;
    return null;
  };
}

function integer(value: unknown): unknown {
  if (typeof value === 'string' && decimal.test(value)) return integer(Number(value));
  return Number.isSafeInteger(value) ? value : unfit;
}

function arrayOf(inner: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return unfit;
    const list: unknown[] = value;
    for (let i = 0; i < list.length; i += 1) {
      const after = inner(list[i]);
      if (after === unfit) return unfit;
      list[i] = after;
    }
    return list;
  };
}

function mapOf(inner: Check): Check {
  return (value) => {
    if (!isObject(value)) return unfit;
    for (const key of Object.keys(value)) {
      const before = value[key];
      const after = unsound.test(key) ? unfit : inner(before);
      if (after === unfit) return unfit;
      if (after !== before) value[key] = after;
    }
    return value;
  };
}

/** A JSON object, as `JSON.parse` makes it. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
