/** Cuts an interface file into tokens. */
import { IdlError } from './ast.ts';

export interface Token {
  readonly kind: 'word' | 'mark' | 'comment' | 'end';
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** A word may be a dotted interface name; `[]` and `[string]` are marks of one piece, as in every published grammar. */
const pattern =
  /(?<space>[ \t\r\n]+)|#(?<comment>[^\r\n]*)|(?<word>[A-Za-z][A-Za-z0-9_]*(?:[.-]+[A-Za-z0-9_]+)*)|(?<mark>->|\[\]|\[string\]|[(),:?])/y;

/** Bounds what a client reads from a server that it does not trust. */
const maxTextLength = 1 << 20;

/**
 * All tokens of a text, the last of kind `end`.
 * @throws IdlError at the first character that begins no token
 */
export function tokenize(text: string): Token[] {
  if (text.length > maxTextLength) throw new IdlError('the text is too long', 1, 1);
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  pattern.lastIndex = 0;
  for (let at = 0; at < text.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const groups = pattern.exec(text)?.groups;
    const column = at - lineStart + 1;
    if (groups === undefined) throw new IdlError(`unexpected ${JSON.stringify(text[at])}`, line, column);
    const { space, comment, word, mark } = groups;
    if (space !== undefined) {
      for (let i = space.indexOf('\n'); i >= 0; i = space.indexOf('\n', i + 1)) {
        line += 1;
        lineStart = at + i + 1;
      }
    } else if (comment !== undefined) {
      tokens.push({ kind: 'comment', text: comment.startsWith(' ') ? comment.slice(1) : comment, line, column });
    } else if (word !== undefined) {
      tokens.push({ kind: 'word', text: word, line, column });
    } else {
      tokens.push({ kind: 'mark', text: mark ?? '', line, column });
    }
  }
  tokens.push({ kind: 'end', text: '', line, column: text.length - lineStart + 1 });
  return tokens;
}
