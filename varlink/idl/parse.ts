/** Text to tree. The grammar is small enough for one function per rule. */
import type { Comment, Enum, EnumValue, Field, Interface, Member, ScalarKind, Struct, Type } from './ast.ts';
import { IdlError, scalarKinds } from './ast.ts';
import { isFieldName, isInterfaceName, isMemberName } from './names.ts';
import { type Token, tokenize } from './token.ts';

/** How deep types may nest: what other implementations take. */
export const maxTypeDepth = 64;

/**
 * Parses one interface.
 * @throws IdlError with the place of the first fault. Meaning (unknown types, names used twice) is `check`'s matter.
 */
export function parse(text: string): Interface {
  return new Parser(tokenize(text)).interface();
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  interface(): Interface {
    const comment = this.#comment();
    this.#expect('interface');
    const name = this.#word('an interface name', isInterfaceName);
    const members: Member[] = [];
    for (let leading = this.#comment(); this.#peek().kind !== 'end'; leading = this.#comment()) members.push(this.#member(leading));
    return { name, comment, members };
  }

  #member(comment: Comment): Member {
    const keyword = this.#next();
    switch (keyword.text) {
      case 'type': {
        const name = this.#word('a type name', isMemberName);
        return { kind: 'type', name, type: this.#structOrEnum(0), comment };
      }
      case 'method': {
        const name = this.#word('a method name', isMemberName);
        const input = this.#fields(0);
        this.#expect('->');
        return { kind: 'method', name, input, output: this.#fields(0), comment };
      }
      case 'error': {
        const name = this.#word('an error name', isMemberName);
        return { kind: 'error', name, fields: this.#fields(0), comment };
      }
      default:
        throw fault(keyword, '`type`, `method` or `error`');
    }
  }

  #fields(depth: number): readonly Field[] {
    const start = this.#peek();
    const type = this.#structOrEnum(depth);
    if (type.kind !== 'struct') throw fault(start, 'fields with types');
    return type.fields;
  }

  #structOrEnum(depth: number): Struct | Enum {
    const start = this.#peek();
    if (depth > maxTypeDepth) throw new IdlError('types nest too deep', start.line, start.column);
    this.#expect('(');
    const fields: Field[] = [];
    const values: EnumValue[] = [];
    let comment = this.#comment();
    if (this.#accept(')')) return { kind: 'struct', fields };
    for (;;) {
      const name = this.#word('a field name', isFieldName);
      const after = this.#peek();
      if (after.text === ':' ? values.length > 0 : fields.length > 0) throw fault(after, 'fields with types or values without, not both');
      if (this.#accept(':')) fields.push({ name, type: this.#type(depth), comment });
      else values.push({ name, comment });
      const trailing = this.#comment();
      if (this.#accept(')')) return values.length > 0 ? { kind: 'enum', values } : { kind: 'struct', fields };
      this.#expect(',');
      comment = [...trailing, ...this.#comment()];
    }
  }

  #type(depth: number): Type {
    if (!this.#accept('?')) return this.#element(depth);
    return { kind: 'nullable', of: this.#element(depth + 1) };
  }

  #element(depth: number): Type {
    const token = this.#peek();
    if (depth > maxTypeDepth) throw new IdlError('types nest too deep', token.line, token.column);
    if (this.#accept('[]')) return { kind: 'array', of: this.#type(depth + 1) };
    if (this.#accept('[string]')) return { kind: 'map', of: this.#type(depth + 1) };
    if (token.text === '(') return this.#structOrEnum(depth + 1);
    if (token.kind === 'word') {
      this.#next();
      if (isScalar(token.text)) return { kind: token.text };
      if (isMemberName(token.text)) return { kind: 'named', name: token.text };
    }
    throw fault(token, 'a type');
  }

  #comment(): Comment {
    const lines: string[] = [];
    while (this.#peek().kind === 'comment') lines.push(this.#next().text);
    return lines;
  }

  #peek(): Token {
    const token = this.#tokens[Math.min(this.#at, this.#tokens.length - 1)];
    if (token === undefined) throw new IdlError('there is no text', 1, 1);
    return token;
  }

  #next(): Token {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }

  #accept(text: string): boolean {
    const token = this.#peek();
    if (token.kind === 'comment' || token.kind === 'end' || token.text !== text) return false;
    this.#at += 1;
    return true;
  }

  #expect(text: string): void {
    const token = this.#peek();
    if (!this.#accept(text)) throw fault(token, `\`${text}\``);
  }

  #word(what: string, valid: (name: string) => boolean): string {
    const token = this.#next();
    if (token.kind !== 'word' || !valid(token.text)) throw fault(token, what);
    return token.text;
  }
}

function isScalar(text: string): text is ScalarKind {
  const kinds: readonly string[] = scalarKinds;
  return kinds.includes(text);
}

function fault(token: Token, wanted: string): IdlError {
  const met = token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
  return new IdlError(`${wanted} was expected, not ${met}`, token.line, token.column);
}
