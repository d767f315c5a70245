/** What this kernel can do, told with what follows from it. */
import { release } from 'node:os';
import { exitCodes } from '../exit-codes.ts';
import { answerInJson, json, paint, say } from '../output.ts';
import { type Feature, type Finding, features, type Route, routes } from './features.ts';
import { type Answer, isRoot, probe } from './probes.ts';

export interface DoctorOptions {
  readonly json?: boolean;
}

/** Tried by nobody but root: an ordinary user's EPERM there says nothing about the kernel. */
const forRoot = ['erofs-file', 'loop', 'dm-verity', 'dm-crypt', 'dm-integrity', 'tap', 'bpf-lsm'];

export function findingOf(name: string, answer: Answer, root: boolean): Finding {
  if (answer === 'ok') return 'yes';
  return !root && forRoot.includes(name) && (answer === 'EPERM' || answer === 'EACCES') ? 'needsRoot' : 'no';
}

interface Examined extends Feature {
  readonly finding: Finding;
  readonly answer: Answer;
}

/** A chain is as good as its weakest link. */
function together(findings: readonly Finding[]): Finding {
  if (findings.includes('no')) return 'no';
  return findings.includes('needsRoot') ? 'needsRoot' : 'yes';
}

const marks: Record<Finding, string> = { yes: paint.green('✓'), no: paint.red('✗'), needsRoot: paint.yellow('?') };

function tell({ finding, title, yes, no, answer, next }: Examined): void {
  const error = finding === 'no' ? paint.dim(` (${answer})`) : '';
  say(`  ${marks[finding]} ${paint.bold(title)}${error}`);
  say(`      ${finding === 'yes' ? yes : finding === 'no' ? no : 'only root can try this'}`);
  if (finding === 'no' && next !== undefined) say(`      ${paint.dim('next')} ${next}`);
}

export async function doctor(options: DoctorOptions): Promise<void> {
  answerInJson(options.json);
  const answers = await probe();
  const examined = features.map((feature): Examined => {
    const answer = answers.get(feature.name) ?? 'ENOSYS';
    return { ...feature, answer, finding: findingOf(feature.name, answer, isRoot) };
  });
  const findingsOf = (wanted: (feature: Examined) => boolean) => examined.filter(wanted).map(({ finding }) => finding);
  const base = together(findingsOf(({ required }) => required === true));
  // one file system, and a way to bring it in
  const mountable =
    examined.some(({ name, finding }) => name === 'erofs' && finding === 'yes') ||
    together(findingsOf(({ name }) => name === 'loop')) !== 'no';
  const fit: Finding = mountable ? base : 'no';
  const judged = routes.map((route: Route) => ({
    title: route.title,
    planned: route.planned === true,
    finding: together([fit, ...findingsOf(({ name }) => route.needs.includes(name))]),
  }));

  if (options.json === true) {
    json({
      kernel: release(),
      root: isRoot,
      fit: fit === 'yes',
      features: examined.map(({ name, finding, answer, yes, no, next }) => ({
        ...{ name, finding, answer },
        meaning: finding === 'yes' ? yes : finding === 'no' ? no : null,
        next: finding === 'no' ? (next ?? null) : null,
      })),
      routes: judged,
    });
  } else {
    say(`${paint.bold('This kernel')} (${release()}), tried ${isRoot ? 'as root' : 'as an ordinary user'}\n`);
    for (const feature of examined) tell(feature);
    say(`\n${paint.bold('So')}\n`);
    for (const { title, finding, planned } of judged) say(`  ${marks[finding]} ${title}${planned ? paint.dim(' (a later version)') : ''}`);
    if (!isRoot) say(`\n${paint.dim('What has a question mark only root can try: sudo postern doctor')}`);
  }
  process.exitCode = fit === 'yes' ? exitCodes.ok : exitCodes.failed;
}
