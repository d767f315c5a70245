/** What the main thread asks a worker to do, and what comes back: plain data, as it crosses from thread to thread. Pure. */
import type { ErrorCode } from '../../mesh/errors.ts';
import type { MountOption } from './filesystems.ts';
import type { CryptDevice } from './sources/crypt-device.ts';
import type { FilePart } from './sources/loop.ts';
import type { VerityDevice } from './sources/verity-device.ts';

/** MOUNT_ATTR_* of linux/mount.h */
export const mountAttributes = { readOnly: 0x1, noSuid: 0x2, noDevices: 0x4, noExec: 0x8, noSymlinks: 0x200000 } as const;

/** Where a file system comes from. Descriptors are numbers that the main thread owns and keeps open for as long as the job runs. */
export type JobSource =
  /** a regular file that the kernel reads by itself */
  | { readonly kind: 'file'; readonly fd: number }
  /** a loop device over a file or a part of one: the one that is there already, or one to be made */
  | ({ readonly kind: 'loop'; readonly device: number | null } & FilePart)
  | ({ readonly kind: 'verity-device' } & VerityDevice)
  | ({ readonly kind: 'crypt-device' } & CryptDevice);

export interface JobPartition {
  /** names the partition in an error */
  readonly designator: string;
  readonly fileSystem: string;
  readonly source: JobSource;
  readonly writable: boolean;
  /** in bytes, what the file system is to fill; null to leave it as it is */
  readonly growTo: number | null;
  readonly attributes: number;
  readonly options: readonly MountOption[];
}

export interface MountJob {
  /** milliseconds of CLOCK_MONOTONIC; looked at between system calls, so that nobody works for a client that has gone */
  readonly deadline: number;
  /** the client's user namespace, or null for a mount of the host's */
  readonly namespace: number | null;
  readonly partitions: readonly JobPartition[];
}

/** A mount of a directory, for whoever the descriptors say. */
export interface DirectoryJob {
  readonly deadline: number;
  readonly directory: number;
  /** the one that the directory is in */
  readonly mountNamespace: number;
  /** a user namespace that has the map, or null for none */
  readonly idMap: number | null;
  readonly readOnly: boolean;
  /** it goes to those who may clear its flags anyway */
  readonly isForHost: boolean;
}

/** A question to the kernel's keyrings. */
export interface SignerJob {
  readonly deadline: number;
  readonly device: VerityDevice;
}

/** Made for one partition. The main thread owns the descriptor from here on. */
export interface MadeMount {
  readonly fd: number;
  /** the loop device it stands on */
  readonly device: number | null;
  readonly growth: Growth;
}

/** What came of a wish to grow: nobody had it, it was done, or why not. */
export type Growth = null | 'done' | { readonly refused: string };

export type JobOutcome =
  | { readonly kind: 'mounted'; readonly mounts: readonly MadeMount[] }
  /** the kernel does not mount this partition's file system straight from its file (another kernel, a file on tmpfs) */
  | { readonly kind: 'device-needed'; readonly partition: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string };
