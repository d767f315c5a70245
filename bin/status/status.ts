/** The gateway's report, for people or for programs. */
import type { Status } from '../../client/client.ts';
import type { StatusOptions } from '../commands/status.ts';
import { exitCodes } from '../exit-codes.ts';
import { attempt, connect } from '../gate.ts';
import { answerInJson, json, paint, say, size, table } from '../output.ts';

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

/** What a service says of itself, one line per key; what is inside an object is set after its name. */
function report(values: object, indent: string): string[] {
  return Object.entries(values).flatMap(([key, value]: [string, unknown]) => {
    if (Array.isArray(value)) return value.length === 0 ? [] : [`${indent}${paint.dim(key)} ${value.map(String).join(', ')}`];
    if (typeof value === 'object' && value !== null) return [`${indent}${paint.dim(key)}`, ...report(value, `${indent}  `)];
    return value === null || value === undefined ? [] : [`${indent}${paint.dim(key)} ${String(value)}`];
  });
}

export async function status(options: StatusOptions): Promise<void> {
  answerInJson(options.json);
  using gate = connect(options.socket);
  const told = await attempt('the gateway does not tell how it is', gate.status());
  const whole = told.services.every(({ state }) => state === 'ready');
  if (options.json === true) {
    json(told);
  } else {
    const { connections, requests, waiting, succeeded, failed } = told.gateway;
    say(`${paint.bold('Postern')} ${told.version} at ${options.socket}: ${whole ? paint.green('all is well') : paint.red('not whole')}\n`);
    say(services(told.services));
    say(`\n  ${connections} connections, ${requests} requests under way, ${waiting} waiting; ${succeeded} done, ${failed} failed`);
    for (const { name, report: own } of told.services) {
      if (own !== null && own !== undefined) say(['', `  ${paint.bold(name)}`, ...report(own, '    ')].join('\n'));
    }
  }
  process.exitCode = whole ? exitCodes.ok : exitCodes.unavailable;
}
