/** Answers without what differs from run to run: drawn numbers and names, process IDs, what only Postern adds. */
import { fstatSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import type { Answer } from './ask.ts';
import type { Outcome } from './case.ts';

const containers = { first: 524_288, last: 1_879_048_191 };
const singles = { first: 61_184, last: 65_519 };
const foreign = { first: 2_147_352_576, last: 2_147_418_111 };
const rangeLength = 65_536;

const within = (id: number, { first, last }: { first: number; last: number }) => id >= first && id <= last;

/** A host ID by where it comes from: of a drawn range only what is not drawn. */
export function idName(id: number): string {
  if (within(id, foreign)) return `foreign+${id - foreign.first}`;
  if (within(id, containers)) return `range+${id % rangeLength}`;
  if (within(id, singles)) return 'single';
  return String(id);
}

const digits = (text: string) => idName(Number(text));

/** Lines of a program's output. */
export function plain(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/\b\d{5,10}\b/g, digits)
      .replace(/\/dev\/loop\d+/g, '/dev/loopN')
      .replace(/\brun-[pru0-9][-a-z0-9]*\.(service|scope)/g, 'run-N.$1')
      // columns are as wide as the numbers that were drawn
      .replace(/ +(?=range\+)/g, ' ')
      .replace(/^ (?=range\+)/gm, '')
      .replace(/[ \t]+$/gm, '')
      .trim()
  );
}

/** Names that a server makes up. */
const made = /^(ns-)?[0-9a-f]{10,16}$|^ns-[A-Za-z0-9]{8,12}$|^\d+-[0-9a-f]{16}$/;

function value(key: string, given: unknown): unknown {
  if (typeof given === 'number' && /uid|gid|id$/i.test(key)) return idName(given);
  if (typeof given === 'string' && made.test(given)) return given.replace(/[0-9a-zA-Z]{8,}$/, '…');
  if (typeof given === 'string') return given.replace(/\b\d{5,10}\b/g, digits);
  if (Array.isArray(given)) return given.map((item: unknown) => value(key, item));
  if (typeof given === 'object' && given !== null) return fields(given);
  return given;
}

/** Sorted, since the order of an object's fields means nothing. */
function fields(object: object): object {
  const entries = Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, given]) => [key, value(key, given)]));
}

/** What a descriptor of an answer leads to: its owner as the host sees it, and its rights. */
function facts(fd: number): string {
  const { uid, gid, mode } = fstatSync(fd);
  return `${idName(uid)}:${idName(gid)} ${mode.toString(8)}`;
}

/** `reason` and `message` are Postern's own, beside what the interface declares; stock clients pass over both. */
function declared(parameters: Record<string, unknown>, error: string | null): object {
  if (error === null) return parameters;
  return Object.fromEntries(Object.entries(parameters).filter(([key]) => key !== 'reason' && key !== 'message'));
}

/**
 * A Varlink answer, whose descriptors are closed.
 * @param seen what was to be seen besides, such as a namespace's maps
 */
export function answered({ error, parameters, descriptors, continues }: Answer, seen: object = {}): Outcome {
  const given = descriptors.map(({ fd }) => facts(fd));
  for (const descriptor of descriptors) descriptor.close();
  const text = JSON.stringify({
    ...fields(declared(parameters, error)),
    ...(continues ? { continues } : {}),
    ...(given.length > 0 ? { descriptors: given } : {}),
    ...seen,
  });
  return { status: error ?? 'ok', text, ...(typeof parameters.message === 'string' ? { aside: parameters.message } : {}) };
}
