/**
 * Records what systemd's daemons answer to each case, then what Postern answers in their place, and tells where that is not what was
 * found before. Runs as root in the lab's machine, with systemd as PID 1.
 *   node dist/lab-systemd.mjs SUITE PROJECT
 */
import { release } from 'node:os';
import { join } from 'node:path';
import { check, data, failures } from '../report.ts';
import { type Case, contradiction, expected, type Outcome, type Suite } from './case.ts';
import { cases } from './cases/index.ts';
import { prepareGround } from './ground.ts';
import { run } from './program.ts';
import { originals, postern, type Server } from './servers.ts';

const [suite, project] = process.argv.slice(2);
if ((suite !== 'sid' && suite !== 'trixie') || project === undefined) throw new Error('usage: lab-systemd.mjs sid|trixie PROJECT');

/** `LAB_CASES=range,image` runs those whose group or name has one of the words. */
const wanted = process.env.LAB_CASES?.split(',');
const named = ({ group, name }: Case) => `${group}: ${name}`;
const chosen = (all: readonly Case[], of: Suite) =>
  all
    .filter(({ suites }) => suites === undefined || suites.includes(of))
    .filter((each) => wanted === undefined || wanted.some((word) => named(each).includes(word)));

async function record(server: Server, list: readonly Case[], of: Suite): Promise<ReadonlyMap<Case, Outcome>> {
  const outcomes = new Map<Case, Outcome>();
  server.start();
  for (const each of list) {
    const begun = performance.now();
    const outcome = await each
      .run({ suite: of, server: server.name })
      .catch((thrown: unknown) => ({ status: 'no outcome', text: thrown instanceof Error ? thrown.message : String(thrown) }));
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
// biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own placeholder
const { stdout: version } = await run(['dpkg-query', '-W', '-f=${Version}', 'systemd']);
data({ suite, systemd: version.trim(), kernel: release() });
const theirs = await record(originals, list, suite);
const ours = await record(postern(project), list, suite);
for (const each of list) {
  const [original, own] = [theirs.get(each), ours.get(each)];
  if (original === undefined || own === undefined) throw new Error(`${named(each)} was not run`);
  const verdict = expected(each, suite);
  const wrong = contradiction(verdict, original, own);
  check(`${named(each)} (${typeof verdict === 'string' ? verdict : verdict.verdict})`, () => wrong ?? true);
  const { group, name } = each;
  data({ case: { group, name }, verdict, original, own, holds: wrong === undefined });
}
process.exit(failures() > 0 ? 1 : 0);
