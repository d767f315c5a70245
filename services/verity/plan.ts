/** From what was admitted to the plan that the mounter carries out. Pure. */

import type { Descriptor } from '../../mesh/descriptors.ts';
import type { Holder, ImageOptions, MountPlan, Peer, PlannedPartition } from '../../mesh/protocol.ts';
import type { Admitted, Examined } from './examine.ts';
import { type AskedOptions, parseMountOptions } from './mount-options.ts';
import { optionsFor, placeOf } from './places.ts';

export interface Planned {
  readonly plan: MountPlan;
  /** the sources, in the order in which the plan counts them */
  readonly sources: readonly Descriptor[];
}

export function makePlan(examined: Examined, options: ImageOptions, holder: Holder | null, peer: Peer): Planned {
  const asked = parseMountOptions(options.mountOptions);
  const wishes = { suid: suidCounts(holder, peer), grow: options.growFileSystems };
  const sources: Descriptor[] = [];
  const partitions = examined.admitted.map((admitted) => {
    const partition = planPartition(admitted, sources.length, { ...wishes, asked: asked.get(admitted.fileSystem.designator) });
    sources.push(...admitted.admission.descriptors);
    return partition;
  });
  const { image, policy } = examined;
  return {
    sources,
    plan: {
      image: {
        singleFileSystem: image.table === undefined,
        imagePolicy: policy.text,
        imageSize: image.size,
        sectorSize: image.sectorSize,
        imageName: options.imageName?.replace(/\.raw$/, '') || null,
        imageUuid: (image.table ?? examined.admitted[0]?.fileSystem.superblock)?.uuid ?? null,
      },
      partitions,
    },
  };
}

/**
 * Set-user-ID gives IDs of a range of ours and no other, as containers expect; or the caller is the host's root, who can
 * give itself any. In a namespace that somebody mapped by other means it could give an ID that is not the caller's to have.
 */
function suidCounts(holder: Holder | null, peer: Peer): boolean {
  return holder === null ? peer.uid === 0 : holder.transient;
}

interface Wishes {
  readonly suid: boolean;
  readonly grow: boolean;
  readonly asked: AskedOptions | undefined;
}

function planPartition({ fileSystem, admission }: Admitted, first: number, { suid, grow, asked }: Wishes): PlannedPartition {
  const { partition, designator } = fileSystem;
  const { writable } = admission;
  const place = placeOf(designator);
  return {
    designator,
    number: partition?.number ?? null,
    architecture: fileSystem.architecture,
    uuid: partition?.uuid ?? null,
    label: partition?.label || null,
    fileSystem: admission.fileSystem,
    size: fileSystem.size,
    offset: fileSystem.offset,
    writable,
    // a bare file system has nobody to say so, and nothing beside it
    grow: writable && grow && (partition?.growFileSystem ?? true),
    noSuid: !(admission.keepsSetuid && suid) || place.noSuid === true || (asked?.noSuid ?? false),
    noExec: place.noExec === true || (asked?.noExec ?? false),
    noSymlinks: place.noSymlinks === true || (asked?.noSymlinks ?? false),
    options: optionsFor(designator, admission.fileSystem, writable),
    asked: [...(asked?.fileSystem ?? [])],
    mountPoints: [...place.mountPoints],
    source: admission.source(first),
  };
}
