/** docs/errors.md is the catalogue of mesh/errors.ts, word for word. Write it anew with UPDATE_DOCS=1. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { errorCatalogue } from '../../mesh/errors.ts';

const page = resolve(dirname(fileURLToPath(import.meta.url)), '../../docs/errors.md');

function render(): string {
  const rows = Object.entries(errorCatalogue).map(([code, { why, next }]) => `| \`${code}\` | ${why} | ${next} |`);
  return [
    '# Errors',
    '',
    'Every failure has one of these codes. Scripts may match on them; the sentences are for people. A Varlink error carries the code as `reason`.',
    '',
    '| code | why | what to do next |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

it('the errors page lists every code with its cause and remedy', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(page, render());
  expect(readFileSync(page, 'utf8')).toBe(render());
});
