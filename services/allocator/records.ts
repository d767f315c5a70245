/** The names that a namespace's IDs have: `ns-NAME-OFFSET`, for users and groups alike. Pure. */
import { PosternError } from '../../mesh/errors.ts';
import type { Holding } from './events.ts';

/** One ID of a namespace's own range. */
export interface IdRecord {
  /** what the namespace is called */
  readonly name: string;
  /** how far the ID is from the first one of the range */
  readonly offset: number;
  readonly id: number;
  readonly unit: Holding['unit'];
}

/** What is looked for: an ID, a name, or what has both. */
export interface RecordWanted {
  readonly id: number | null;
  readonly name: string | null;
}

/** What holds which range: the range tree. */
export interface Holders {
  holderOf(id: number): OwnRange | undefined;
  named(name: string): OwnRange | undefined;
}
type OwnRange = Pick<Holding, 'name' | 'start' | 'unit'>;

/** No sign and no leading zero, so that each ID has one name. */
const idName = /^ns-(.+)-(0|[1-9][0-9]{0,4})$/;

/** @throws RECORD_NOT_FOUND, RECORD_CONFLICT */
export function findRecord(tree: Holders, { id, name }: RecordWanted): IdRecord {
  const found = id === null ? recordNamed(tree, name ?? '') : recordOf(tree.holderOf(id), id);
  if (found === undefined) throw new PosternError('RECORD_NOT_FOUND');
  if (id !== null && name !== null && nameOf(found) !== name) throw new PosternError('RECORD_CONFLICT', `the ID is ${nameOf(found)}`);
  return found;
}

function nameOf({ name, offset }: IdRecord): string {
  return `ns-${name}-${offset}`;
}

function recordNamed(tree: Holders, name: string): IdRecord | undefined {
  const [, namespace, offset] = idName.exec(name) ?? [];
  const holding = namespace === undefined ? undefined : tree.named(namespace);
  if (holding === undefined || holding.start === null || Number(offset) >= holding.unit) return undefined;
  return recordOf(holding, holding.start + Number(offset));
}

function recordOf(holding: OwnRange | undefined, id: number): IdRecord | undefined {
  if (holding === undefined || holding.start === null) return undefined;
  const { name, start, unit } = holding;
  return { name, offset: id - start, id, unit };
}
