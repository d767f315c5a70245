/** One question, several answers: may this caller have this file system mounted? Each answer is a route. */
import type { Image, ImageFileSystem } from '../../../image/image.ts';
import type { Use } from '../../../image/policy.ts';
import { type FileSystem, isWritable, type Superblock } from '../../../image/superblock.ts';
import { closeAll, type Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { MountSource } from '../../../mesh/protocol.ts';
import type { Waiter } from '../flights.ts';
import type { Obtained } from '../keeper.ts';
import type { JudgeByKernel } from '../kernel-keyrings.ts';
import type { Seal } from '../seal.ts';
import type { Source } from '../source.ts';

/** A file that the kernel has sealed. */
export interface SealedFile {
  readonly seal: Seal;
  /** what the caller passed as the signature of the seal's digest */
  readonly given: Uint8Array | null;
}

/** What a route is asked about. The sources are the caller's, and borrowed. */
export interface Candidate {
  readonly image: Image;
  readonly fileSystem: ImageFileSystem;
  readonly source: Source;
  readonly sidecar: Source | undefined;
  readonly sealed: SealedFile | null;
  readonly uid: number;
  /** for what is encrypted; borrowed */
  readonly password: Uint8Array | null;
  /** asks the kernel ahead of the mount who it believes; null where nothing would follow from the answer */
  readonly judgeByKernel: JudgeByKernel | null;
  /** whether it is to be mounted for writing, where the route is one for that */
  readonly forWriting: boolean;
}

/** A yes: from what the mount is made, so that no later change of the caller's file can show in it. */
export interface Admission {
  readonly fileSystem: FileSystem;
  /** owned; the mounter gets them in this order */
  readonly descriptors: readonly Descriptor[];
  /** the mount's source, its descriptors counted from `first` */
  source(first: number): MountSource;
  /** wipes what the source has of a secret, once it was passed on or won't be */
  forget?(): void;
  /** whether set-user-ID files may count, within the range of the namespace */
  readonly keepsSetuid: boolean;
  /** it is to be mounted for writing */
  readonly writable: boolean;
  readonly signer: { readonly subject: string; readonly fingerprint: string } | null;
  /** nothing of the image's data had to be read */
  readonly cached: boolean;
}

export interface Route {
  readonly name: string;
  /** how this file system is protected when it comes by this route, as image policies say it; undefined where the route is not for it */
  use(fileSystem: ImageFileSystem, sealed: SealedFile | null): Use | undefined;
  /** @throws PosternError why not */
  admit(candidate: Candidate, waiter: Waiter): Promise<Admission>;
}

/**
 * Whether there is such a thing as writing to it.
 * @throws PosternError FILE_SYSTEM_UNCLEAN where there is, but not yet: a check would have to write to the image, which nothing here can;
 * whoever may change it can run one
 */
export function writableAsItIs({ type, isUnclean }: Superblock, designator: string): boolean {
  if (!isWritable(type)) return false;
  if (isUnclean) throw new PosternError('FILE_SYSTEM_UNCLEAN', `${designator} (${type})`);
  return true;
}

/** A copy that was checked whole, by whoever's word. */
export function storedAdmission({ descriptor, fileSystem, cached }: Obtained, signer: Admission['signer']): Admission {
  return {
    fileSystem,
    descriptors: [descriptor],
    source: (first) => ({ kind: 'file', descriptor: first }),
    keepsSetuid: true,
    writable: false,
    signer,
    cached,
  };
}

export function closeAdmissions(admissions: Iterable<Admission>): void {
  for (const admission of admissions) {
    closeAll(admission.descriptors);
    admission.forget?.();
  }
}
