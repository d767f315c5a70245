/**
 * Writes the attack table of docs/security.md from what the kernels said last (`npm run lab -- --all`, then `node lab/table.mjs`).
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = join(root, 'docs/security.md');
const begin = '<!-- written by lab/table.mjs: begin -->';
const end = '<!-- written by lab/table.mjs: end -->';

const report = JSON.parse(readFileSync(join(root, 'dist/lab-report.json'), 'utf8'));
const kernels = report.filter(({ facts }) => facts.some(({ attack }) => attack !== undefined));
const attacks = [...new Set(kernels.flatMap(({ facts }) => facts.flatMap(({ attack }) => (attack === undefined ? [] : [attack]))))];

const word = (outcome) => (outcome === '' ? 'through' : outcome);
/** What root of the range and another of its IDs got, in one word where it is the same. */
function both(outcomes) {
  const words = outcomes.map(word);
  return words[0] === words[1] ? words[0] : words.join(' / ');
}
function cell(facts, attack, column) {
  const rows = facts.filter((fact) => fact.attack === attack).sort((a, b) => a.uid - b.uid);
  return rows.length === 0 ? '–' : both(rows.map((row) => row[column]));
}

const header = ['way', ...kernels.flatMap(({ kernel }) => [`${kernel}: bare`, 'five hooks', '**policy**', 'lent mount'])];
const rows = attacks.map((attack) => [
  attack,
  ...kernels.flatMap(({ facts }) => {
    const policy = both([cell(facts, attack, 'guarded'), cell(facts, attack, 'tmpfs')]);
    return [cell(facts, attack, 'bare'), cell(facts, attack, 'five'), policy, cell(facts, attack, 'lent')];
  }),
]);
const table = [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
const counts = kernels.map(
  ({ kernel, counts: { passed, failed, skipped } }) => `${kernel}: ${passed} passed, ${failed} failed, ${skipped} skipped`,
);

const text = readFileSync(page, 'utf8');
const [before, rest] = text.split(begin);
const after = rest?.split(end)[1];
if (after === undefined) throw new Error(`${page} has lost its marks`);
writeFileSync(page, `${before}${begin}\n${counts.join('  \n')}\n\n${table.join('\n')}\n${end}${after}`);
