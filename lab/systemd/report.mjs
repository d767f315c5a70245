/** What was recorded beside systemd's daemons: one report of every suite, in which a run of some calls replaces just those. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { comparisonFile } from './compare.mjs';

const nameOf = (fact) => (fact.case === undefined ? fact.recorded?.name : `${fact.case.group}: ${fact.case.name}`);

/** @param {string | undefined} some what LAB_CASES says, where not every call was made */
export function writeComparison(suites, some) {
  const known = some !== undefined && existsSync(comparisonFile) ? JSON.parse(readFileSync(comparisonFile, 'utf8')) : [];
  const of = (list, former) => list.find(({ kernel }) => kernel === former.kernel);
  const renewed = known.map((former) => {
    const latter = of(suites, former);
    return latter === undefined ? former : { ...latter, facts: merged(former.facts, latter.facts) };
  });
  const added = suites.filter((suite) => of(known, suite) === undefined);
  writeFileSync(comparisonFile, `${JSON.stringify([...renewed, ...added], null, 1)}\n`);
  process.stdout.write(`report: ${comparisonFile}\n`);
}

/** Without the new ones' calls, which come where the first of them was. */
function merged(former, latter) {
  const anew = latter.filter((fact) => nameOf(fact) !== undefined);
  const names = new Set(anew.map(nameOf));
  const at = former.findIndex((fact) => names.has(nameOf(fact)) && fact.case !== undefined);
  const kept = former.filter((fact) => !names.has(nameOf(fact)));
  if (at < 0) return [...kept, ...anew];
  const before = former.slice(0, at).filter((fact) => !names.has(nameOf(fact))).length;
  return [...kept.slice(0, before), ...anew, ...kept.slice(before)];
}
