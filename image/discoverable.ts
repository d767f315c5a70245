/** Which partitions of a table are the root and usr of this machine, each with its hash tree and its signature. */
import { PosternError } from '../mesh/errors.ts';
import type { Partition } from './gpt.ts';
import { type Architecture, type Designator, genericType, roleOf } from './partition-types.ts';

/** A partition with its role in the system. */
export interface FoundPartition extends Partition {
  readonly designator: Designator;
  readonly architecture: Architecture | null;
}

/** A data partition with what protects it. */
export interface ProtectedPartition {
  readonly data: FoundPartition;
  readonly verity: FoundPartition | undefined;
  readonly signature: FoundPartition | undefined;
}

export interface Discovered {
  readonly root: ProtectedPartition | undefined;
  readonly usr: ProtectedPartition | undefined;
  /** the first partition of each further role */
  readonly others: ReadonlyMap<Designator, FoundPartition>;
}

/**
 * Finds the partitions that count on this machine. Those of other architectures, and those marked "not automatically", don't.
 * @throws PosternError PARTITION_AMBIGUOUS when two claim one of the roles that are mounted, ROOT_MISSING when there is neither root nor usr
 */
export function discover(partitions: readonly Partition[], architecture: Architecture): Discovered {
  const found = new Map<Designator, FoundPartition>();
  for (const partition of partitions) {
    const role = roleOf(partition.type);
    if (role === undefined || partition.noAuto) continue;
    if (role.architecture !== null && role.architecture !== architecture) continue;
    const earlier = found.get(role.designator);
    if (earlier === undefined) found.set(role.designator, { ...partition, ...role });
    else if (role.architecture !== null)
      throw new PosternError('PARTITION_AMBIGUOUS', `${role.designator}: partitions ${earlier.number} and ${partition.number}`);
  }
  const root = family(found, 'root', 'root-verity', 'root-verity-sig') ?? genericRoot(partitions, found);
  const usr = family(found, 'usr', 'usr-verity', 'usr-verity-sig');
  if (root === undefined && usr === undefined) throw new PosternError('ROOT_MISSING', whatThereIs(partitions, architecture));
  const others = new Map([...found].filter(([designator]) => !/^(root|usr)(-|$)/.test(designator)));
  return { root, usr, others };
}

function family(
  found: ReadonlyMap<Designator, FoundPartition>,
  data: Designator,
  verity: Designator,
  signature: Designator,
): ProtectedPartition | undefined {
  const partition = found.get(data);
  return partition && { data: partition, verity: found.get(verity), signature: found.get(signature) };
}

/** An image from before discoverable partitions: one Linux partition that says nothing else, and no usr beside it. */
function genericRoot(partitions: readonly Partition[], found: ReadonlyMap<Designator, FoundPartition>): ProtectedPartition | undefined {
  if (found.has('usr')) return undefined;
  const [only, second] = partitions.filter((partition) => partition.type === genericType && !partition.noAuto);
  if (only === undefined || second !== undefined) return undefined;
  return { data: { ...only, designator: 'root', architecture: null }, verity: undefined, signature: undefined };
}

function whatThereIs(partitions: readonly Partition[], architecture: Architecture): string {
  const others = new Set(partitions.flatMap((partition) => roleOf(partition.type)?.architecture ?? []));
  others.delete(architecture);
  const only = others.size === 0 ? '' : `; the image is for ${[...others].join(', ')}`;
  return `this machine is ${architecture}${only}`;
}
