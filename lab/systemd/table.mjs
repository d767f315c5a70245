/**
 * Writes docs/systemd-compatibility.md from what was found last: `npm run lab -- --systemd sid --systemd trixie`, then
 * `node lab/systemd/table.mjs`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../programs.mjs';
import { comparisonFile } from './compare.mjs';

const page = join(root, 'docs/systemd-compatibility.md');

/** One suite's report, cut down to what the page tells. */
function told({ facts }) {
  const about = facts.find(({ suite }) => suite !== undefined);
  if (about === undefined) return [];
  const rows = facts.flatMap(({ case: of, verdict, holds }) => {
    if (of === undefined) return [];
    const { verdict: word, why } = typeof verdict === 'string' ? { verdict } : verdict;
    return [{ ...of, verdict: holds ? word : 'unsettled', ...(why === undefined ? {} : { why }) }];
  });
  return [{ ...about, rows }];
}

const suites = JSON.parse(readFileSync(comparisonFile, 'utf8')).flatMap(told);

const key = ({ group, name }) => `${group}\n${name}`;
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const groups = [...new Set(suites.flatMap(({ rows }) => rows.map(({ group }) => group)))];

function rowsOf(group) {
  const names = [...new Set(suites.flatMap(({ rows }) => rows.filter((row) => row.group === group).map(key)))];
  return names.map((name) => {
    const found = suites.map(({ rows }) => rows.find((row) => key(row) === name));
    const whys = [...new Set(found.flatMap((row) => (row?.why === undefined ? [] : [row.why])))];
    return `| ${[name.split('\n')[1], ...found.map((row) => row?.verdict ?? '–'), whys.join('; ')].map(escaped).join(' | ')} |`;
  });
}

const counted = ['same', 'better', 'missing', 'unsettled'];
const sums = suites.map(({ suite, systemd, kernel, rows }) => {
  const counts = counted.map((word) => rows.filter(({ verdict }) => verdict === word).length);
  return `| ${suite} | ${systemd} | ${kernel} | ${counts.join(' | ')} |`;
});

const text = `# Beside systemd's daemons, call by call

Written by \`node lab/systemd/table.mjs\` from what the lab recorded (\`npm run lab -- --systemd sid --systemd trixie\`). Each call is made twice in a virtual machine
with systemd as PID 1: first systemd-nsresourced and systemd-mountfsd answer, then Postern in their place. What is compared is the answer or the
exit status and output, without numbers and names that are drawn. *same*: equal. *better*: another answer on purpose. *missing*: what Postern has
not. A run fails where an answer is not what is written here; the reasons stand beside the cases (\`test/lab/systemd/cases/\`).

| suite | systemd | kernel | ${counted.join(' | ')} |
|---|---|---|${counted.map(() => '---').join('|')}|
${sums.join('\n')}
${groups
  .map(
    (group) =>
      `\n## ${group}\n\n| call | ${suites.map(({ suite }) => suite).join(' | ')} | why |\n|---|${suites.map(() => '---|').join('')}---|\n${rowsOf(group).join('\n')}`,
  )
  .join('\n')}
`;
writeFileSync(page, text);
