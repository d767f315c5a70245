/** What MountImage gave: the mounts of an image, owned, and where each belongs. */
import { posix } from 'node:path';
import { closeAll, type Descriptor } from '../mesh/descriptors.ts';
import { native } from '../native/index.ts';
import type { ReplyOf } from '../varlink/method/registry.ts';
import type { Borrowed } from './connection.ts';
import { BadReply } from './errors.ts';
import type { Without } from './options.ts';

type ImageReply = ReplyOf<'io.systemd.MountFileSystem.MountImage'>;
type PartitionInfo = ImageReply['partitions'][number];

/** A mounted partition: `mount` is detached, and ends with its last descriptor unless it was attached. */
export type MountedPartition = Without<PartitionInfo, 'mountFileDescriptor'> & { readonly mount: Descriptor };

/** Where the attach of a detached mount is not the caller's to do by path. Must be called in a mount namespace that the mounts are for. */
export function attach(mount: Borrowed, path: string): void {
  native.moveMount(typeof mount === 'number' ? mount : mount.fd, path);
}

export class MountedImage implements Disposable {
  readonly facts: Without<ImageReply, 'partitions'>;
  readonly partitions: readonly MountedPartition[];

  /** Takes over those of the descriptors that are mounts of the image; where it throws, none. @throws BadReply */
  constructor({ partitions, ...facts }: ImageReply, descriptors: readonly Descriptor[]) {
    this.facts = facts;
    const left = new Map(descriptors.entries());
    this.partitions = partitions.map(({ mountFileDescriptor: index, ...info }) => {
      const mount = left.get(index);
      left.delete(index);
      if (mount === undefined) throw new BadReply('a partition came without a mount of its own');
      return { ...info, mount };
    });
  }

  /** Each partition with its place below a folder, in the order in which they have to be attached. */
  placesBelow(folder: string): { readonly partition: MountedPartition; readonly path: string }[] {
    return this.partitions
      .map((partition) => ({ partition, path: posix.resolve(folder, `.${posix.resolve('/', placeOf(partition))}`) }))
      .sort((a, b) => a.path.length - b.path.length);
  }

  /** Attaches each partition where it belongs below a folder, the root first. */
  attach(folder: string): void {
    for (const { partition, path } of this.placesBelow(folder)) attach(partition.mount, path);
  }

  /** Lets go of the mounts; those that were attached stay where they are. */
  close(): void {
    closeAll(this.partitions.map(({ mount }) => mount));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function placeOf({ mountPoint, designator }: MountedPartition): string {
  return mountPoint?.[0] ?? (designator === 'root' ? '/' : `/${designator}`);
}
