/**
 * Records what systemd's daemons answer to each case, then what Postern answers in their place, and tells where that is not what was
 * found before. Runs as root in the lab's machine, with systemd as PID 1.
 *   node dist/lab-systemd.mjs SUITE PROJECT
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { originals, postern, type Server, systemdVersion } from '../../../lab/systemd/servers.ts';
import { check, data, failures } from '../report.ts';
import { type Case, contradiction, expected, noOutcomes, type Outcome, type Suite } from './case.ts';
import { cases } from './cases/index.ts';
import { certify } from './certification.ts';
import { prepareGround } from './ground.ts';

const [suite, project] = process.argv.slice(2);
if ((suite !== 'sid' && suite !== 'trixie') || project === undefined) throw new Error('usage: lab-systemd.mjs sid|trixie PROJECT');

/** `LAB_CASES=range,image` runs those whose group or name has one of the words. */
const words = process.env.LAB_CASES?.split(',');
const isWanted = (name: string) => words === undefined || words.some((word) => name.includes(word));
const named = ({ group, name }: Case) => `${group}: ${name}`;
const chosen = (all: readonly Case[], of: Suite) =>
  all.filter(({ suites }) => suites === undefined || suites.includes(of)).filter((each) => isWanted(named(each)));

async function tried(each: Case, suite: Suite, { name: server }: Server): Promise<Outcome> {
  try {
    return await each.run({ suite, server });
  } catch (thrown) {
    return { status: 'no outcome', text: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

/**
 * Says nothing about a server but that it had no time: a worker of the originals has its program verified by the kernel when it is first asked,
 * for systemd 262 some 40 s under emulation, and whoever waits for it gives up (ETIME).
 */
function isStall({ status, text, aside = '' }: Outcome): boolean {
  return noOutcomes.includes(status) || /Timer expired|"errno":62\b/.test(`${text} ${aside}`);
}

async function record(server: Server, list: readonly Case[], of: Suite): Promise<ReadonlyMap<Case, Outcome>> {
  const outcomes = new Map<Case, Outcome>();
  server.start();
  for (const each of list) {
    const begun = performance.now();
    const first = await tried(each, of, server);
    const outcome = isStall(first) ? await tried(each, of, server) : first;
    outcomes.set(each, outcome);
    // said at once, so that a run that is broken off was not for nothing
    data({ recorded: { server: server.name, name: named(each), ...outcome } });
    if (process.env.LAB_TIMES !== undefined)
      process.stderr.write(`${server.name} ${named(each)} ${Math.round(performance.now() - begun)} ms\n`);
  }
  server.stop();
  return outcomes;
}

prepareGround(join(project, 'dist/lab-systemd'), join(project, '../shared/data'));
const list = chosen(cases, suite);
data({ suite, systemd: systemdVersion(), kernel: release() });
const theirs = await record(originals(), list, suite);
const ours = await record(postern(project, readFileSync(join(project, 'packaging/postern.toml'), 'utf8')), list, suite);
for (const each of list) {
  const [original, own] = [theirs.get(each), ours.get(each)];
  if (original === undefined || own === undefined) throw new Error(`${named(each)} was not run`);
  const verdict = expected(each, suite);
  const wrong = contradiction(verdict, original, own);
  check(`${named(each)} (${typeof verdict === 'string' ? verdict : verdict.verdict})`, () => wrong ?? true);
  const { group, name } = each;
  data({ case: { group, name }, verdict, original, own, holds: wrong === undefined });
}
const certification = 'the certification client passes';
// trixie's python3-varlink has no tests in it
if (suite === 'sid' && isWanted(certification)) check(certification, () => certify(project));
process.exit(failures() > 0 ? 1 : 0);
