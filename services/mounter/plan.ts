/** From verity's plan to what is to be done for each partition. The mounter's own checks stand here, whatever verity says. Pure. */
import { PosternError } from '../../mesh/errors.ts';
import type { MountedImage, MountPlan, MountSource, PlannedPartition } from '../../mesh/protocol.ts';
import { type FileSystem, fileSystem, type MountOption, mayBeSet, parseOption } from './filesystems.ts';
import { mountAttributes } from './job.ts';
import { checkCryptTable } from './sources/crypt-table.ts';
import { checkVerityTable } from './sources/verity-table.ts';

/** A partition with everything decided but the device it comes from. */
export interface Preparation {
  readonly designator: string;
  readonly name: string;
  readonly fileSystem: FileSystem;
  readonly source: MountSource;
  readonly writable: boolean;
  /** in bytes, what the file system is to fill; null to leave it as it is */
  readonly growTo: number | null;
  readonly attributes: number;
  readonly options: readonly MountOption[];
  /** among them some that are this caller's own: no superblock is shared then */
  readonly asked: readonly string[];
}

/** What is to be mounted, in the plan's order. `sources` is the number of descriptors that came with it. */
export function prepare(plan: MountPlan, sources: number): Preparation[] {
  return plan.partitions.map((partition) => preparePartition(partition, sources));
}

function preparePartition(partition: PlannedPartition, sources: number): Preparation {
  const kind = fileSystem(partition.fileSystem);
  if (kind === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN', partition.fileSystem);
  const { source } = partition;
  if (source.kind === 'verity-device') checkVerityTable(source);
  if (source.kind === 'crypt-device') checkCryptTable(source);
  // Two superblocks of one file would each write what the other does not know of.
  const isShared = source.kind === 'file' || source.kind === 'crypt-device' || (source.kind === 'part' && source.shared);
  if (partition.writable && (!isShared || partition.asked.length > 0))
    throw new PosternError('INTERNAL', 'what is written to has one superblock');
  if (source.descriptor >= sources || (source.kind === 'verity-device' && source.hashDescriptor >= sources))
    throw new PosternError('INTERNAL', 'a source points past the descriptors');
  return {
    designator: partition.designator,
    name: partition.fileSystem,
    fileSystem: kind,
    source,
    writable: partition.writable,
    growTo: partition.writable && partition.grow && kind.grows ? roomFor(partition) : null,
    attributes: attributesOf(partition),
    options: optionsOf(partition, kind),
    asked: partition.asked,
  };
}

/** A volume keeps some of its partition for itself. */
function roomFor({ source, size }: PlannedPartition): number {
  return source.kind === 'crypt-device' ? source.size : size;
}

/** Devices never work; the rest is as planned. */
function attributesOf({ writable, noSuid, noExec, noSymlinks }: PlannedPartition): number {
  return (
    mountAttributes.noDevices |
    (writable ? 0 : mountAttributes.readOnly) |
    (noSuid ? mountAttributes.noSuid : 0) |
    (noExec ? mountAttributes.noExec : 0) |
    (noSymlinks ? mountAttributes.noSymlinks : 0)
  );
}

/** What was asked for first, so that what must hold has the last word. */
function optionsOf(partition: PlannedPartition, kind: FileSystem): MountOption[] {
  const asked = [...partition.asked, ...partition.options].map(parseOption);
  const refused = asked.find((option) => !mayBeSet(kind, option, partition.writable));
  if (refused !== undefined) throw new PosternError('MOUNT_OPTION', `${refused.key} on ${partition.fileSystem}`);
  const forced = [...kind.always, ...(partition.writable ? [] : ['ro', ...kind.whenReadOnly])];
  return [...asked, ...forced.map(parseOption)];
}

/** What the next stage and the client are told: the plan without the means, and what came of it. */
export function describeMounted({ image, partitions }: MountPlan, made: readonly { readonly grown: boolean }[]): MountedImage {
  const tell = ({ source: _source, options: _options, asked: _asked, grow: _grow, ...told }: PlannedPartition, index: number) => ({
    ...told,
    grown: made[index]?.grown ?? false,
  });
  return { image, partitions: partitions.map(tell) };
}
