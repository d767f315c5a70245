/** The gateway's report, for people or for programs. */
import type { Status } from '../../client/client.ts';
import { exitCodes } from '../exit-codes.ts';
import { attempt, connect } from '../gate.ts';
import { answerInJson, json, paint, say, size, table } from '../output.ts';

export interface StatusOptions {
  readonly socket: string;
  readonly json?: boolean;
}

type Service = Status['services'][number];

const stateColour: Record<Service['state'], (text: string) => string> = {
  ready: paint.green,
  starting: paint.yellow,
  waiting: paint.yellow,
  failed: paint.red,
};

function services(all: readonly Service[]): string {
  const head = ['service', 'state', 'pid', 'restarts', 'memory'].map(paint.dim);
  const rows = all.map(({ name, state, pid, restarts, residentBytes }) => [
    paint.bold(name),
    stateColour[state](state),
    String(pid ?? '–'),
    String(restarts),
    typeof residentBytes === 'number' ? size(residentBytes) : '–',
  ]);
  return table([head, ...rows], '  ');
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** A value in as few words as it can be told; an object's values in one line. */
function brief(value: unknown): string {
  if (Array.isArray(value)) return value.map(brief).join(', ');
  if (!isObject(value)) return String(value);
  return Object.entries(value)
    .filter(([, inner]) => inner !== null && inner !== undefined && brief(inner) !== '')
    .map(([key, inner]) => `${paint.dim(key)} ${brief(inner)}`)
    .join(paint.dim(' · '));
}

/** What a service says of itself: a line for each thing, numbers of one kind together. */
function report(values: object): string {
  const told = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && brief(value) !== '');
  const plain = Object.fromEntries(told.filter(([, value]) => !isObject(value)));
  const lines = told.filter(([, value]) => isObject(value)).map(([key, value]) => [paint.dim(key), brief(value)]);
  return [...(Object.keys(plain).length > 0 ? [`    ${brief(plain)}`] : []), ...(lines.length > 0 ? [table(lines, '    ')] : [])].join(
    '\n',
  );
}

/** The allocator's word that no policy is in force; said before everything else. */
function neverTwice(all: readonly Service[]): string | undefined {
  const own: unknown = all.find(({ name }) => name === 'allocator')?.report;
  if (!isObject(own) || !('mode' in own) || own.mode !== 'never-twice') return undefined;
  const reason = 'reason' in own && typeof own.reason === 'string' ? own.reason : 'no policy is in force';
  return `${paint.yellow('NEVER-TWICE MODE')}: a range that was used is never given again, and the pool gets smaller with each use.\n  ${paint.dim('why')}   ${reason}`;
}

export async function status(options: StatusOptions): Promise<void> {
  answerInJson(options.json);
  using gate = connect(options.socket);
  const told = await attempt('the gateway does not tell how it is', gate.status());
  const whole = told.services.every(({ state }) => state === 'ready');
  if (options.json === true) {
    json(told);
  } else {
    say(`${paint.bold('Postern')} ${told.version} at ${options.socket}: ${whole ? paint.green('all is well') : paint.red('not whole')}\n`);
    const loud = neverTwice(told.services);
    if (loud !== undefined) say(`${loud}\n`);
    say(services(told.services));
    if (told.services.every(({ report: own }) => !isObject(own)))
      say(`\n  ${paint.dim('What the services tell of themselves is for root: sudo postern status')}`);
    for (const { name, report: own } of told.services) {
      if (isObject(own)) say(`\n  ${paint.bold(name)}\n${report(own)}`);
    }
  }
  process.exitCode = whole ? exitCodes.ok : exitCodes.unavailable;
}
