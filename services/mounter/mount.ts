/**
 * From a job to locked mounts: one straight line of synchronous system calls, run on a worker's thread. What it opens it closes,
 * on every path; only the mounts of a job that succeeded are left, and the main thread owns those.
 */
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { type Addon, isSystemError } from '../../native/index.ts';
import type { Growth, JobOutcome, JobPartition, MadeMount, MountJob } from './job.ts';
import { kernelWords } from './refusal.ts';
import { openFile, wantsDevice } from './sources/file.ts';
import { existingLoop, makeLoop } from './sources/loop.ts';
import type { Source } from './sources/source.ts';
import { openVerityDevice } from './sources/verity-device.ts';

/** What a worker has at hand. */
export interface Bench {
  readonly kernel: Addon;
  /** the socket of its namespace helper */
  readonly helper: number;
  /** milliseconds of CLOCK_MONOTONIC */
  readonly now: () => number;
}

/**
 * Carries a job out; nothing but its mounts is left open. What the kernel or the deadline refuses is an outcome. What is thrown is a bug or
 * a lost helper, and this worker is of no further use.
 */
export function carryOut(job: MountJob, bench: Bench): JobOutcome {
  return outcomeOf(() => mountAll(job, bench));
}

/** What a job has come to. */
export function outcomeOf(work: () => MadeMount[] | DeviceNeeded): JobOutcome {
  try {
    const made = work();
    return Array.isArray(made) ? { kind: 'mounted', mounts: made } : made;
  } catch (error) {
    if (error instanceof PosternError) return { kind: 'refused', code: error.code, detail: error.detail };
    throw error;
  }
}

type DeviceNeeded = Extract<JobOutcome, { kind: 'device-needed' }>;

function mountAll(job: MountJob, bench: Bench): MadeMount[] | DeviceNeeded {
  const made: Detached[] = [];
  try {
    for (const [index, partition] of job.partitions.entries()) {
      inTime(job, bench);
      const detached = mountPartition(partition, job, bench);
      if (detached === 'device-needed') return { kind: 'device-needed', partition: index };
      made.push(detached);
    }
    inTime(job, bench);
    return lock(made, job.namespace === null, bench);
  } finally {
    // at once: a client's umount is EBUSY for as long as we hold the mount too
    closeAll(made.map(({ mount }) => mount));
  }
}

/** A mount that is attached nowhere, idmapped, its flags not locked yet. */
export interface Detached {
  readonly mount: Descriptor;
  readonly device: number | null;
  readonly growth: Growth;
}

export function inTime(job: { readonly deadline: number }, { now }: Bench): void {
  if (now() >= job.deadline) throw new PosternError('TIMED_OUT');
}

function mountPartition(partition: JobPartition, job: MountJob, bench: Bench): Detached | 'device-needed' {
  const { kernel } = bench;
  const { namespace } = job;
  const what = `${partition.designator} (${partition.fileSystem})`;
  using source = attempt(what, () => openSource(kernel, partition, () => inTime(job, bench)));
  using context = new Descriptor(attempt(what, () => kernel.fsopen(partition.fileSystem)));
  try {
    configure(kernel, context.fd, source.path, partition);
  } catch (error) {
    if (isSystemError(error) && partition.source.kind === 'file' && wantsDevice(error.code)) return 'device-needed';
    // every read that the device refused; nothing else of it can fail
    if (isSystemError(error) && partition.source.kind === 'verity-device' && error.code === 'EIO') throw new PosternError('VERITY_DATA');
    throw inKernelWords(what, error, kernel.fsMessages(context.fd));
  }
  const mount = new Descriptor(attempt(what, () => kernel.fsmount(context.fd, partition.attributes)));
  try {
    const growth = grow(kernel, mount.fd, partition);
    if (namespace !== null) setIdMap(mount.fd, namespace, what, bench);
    return { mount, device: source.device, growth };
  } catch (error) {
    mount.close();
    throw error;
  }
}

function openSource(kernel: Addon, { source, writable }: JobPartition, inTime: () => void): Source {
  switch (source.kind) {
    case 'file':
      return openFile(source.fd);
    case 'loop':
      return source.device === null ? makeLoop(kernel, source.fd, !writable, source.range) : existingLoop(source.device);
    case 'verity-device':
      return openVerityDevice(kernel, source, inTime);
  }
}

/** Creates the superblock, or finds the one that lives on the same device already. */
function configure(kernel: Addon, context: number, source: string, { options }: JobPartition): void {
  kernel.fsconfigString(context, 'source', source);
  for (const { key, value } of options) {
    if (value === null) kernel.fsconfigFlag(context, key);
    else kernel.fsconfigString(context, key, value);
  }
  kernel.fsconfigCreate(context);
}

/** What stays as small as it was is of use too. */
function grow(kernel: Addon, mount: number, { fileSystem, growTo }: JobPartition): Growth {
  if (growTo === null) return null;
  try {
    kernel.growFileSystem(mount, fileSystem, growTo);
    return 'done';
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return { refused: `${error.syscall}: ${error.code}` };
  }
}

function setIdMap(mount: number, namespace: number, what: string, bench: Bench): void {
  try {
    bench.kernel.mountSetattr(mount, 0, 0, namespace, false);
  } catch (error) {
    // EINVAL also says that a file system can't be idmapped; only the map itself tells the two apart
    if (isSystemError(error) && error.code === 'EINVAL' && isUnmapped(namespace, bench)) throw new PosternError('NAMESPACE_UNMAPPED');
    throw inKernelWords(what, error, []);
  }
}

function isUnmapped(namespace: number, { kernel, helper }: Bench): boolean {
  return askHelper(() => kernel.helperReadMaps(helper, namespace)).uid.length === 0;
}

/** Clones whose flags nobody in the namespace can clear. The host's own mounts need none: they go to those who may clear them anyway. */
export function lock(made: readonly Detached[], isForHost: boolean, { kernel, helper }: Bench): MadeMount[] {
  if (isForHost) return made.map(({ mount, device, growth }) => ({ fd: mount.release(), device, growth }));
  const originals = made.map(({ mount }) => mount.fd);
  const locked = attempt('locking the flags', () => askHelper(() => kernel.helperLockMounts(helper, originals)));
  return locked.map((fd, index) => ({ fd, device: made[index]?.device ?? null, growth: made[index]?.growth ?? null }));
}

/** Steps in which only the channel to the helper can fail, not what the helper was asked for. */
const helperChannelSteps: readonly string[] = ['sendmsg', 'recvmsg', 'recv'];

export function askHelper<T>(question: () => T): T {
  try {
    return question();
  } catch (error) {
    if (isSystemError(error) && helperChannelSteps.includes(error.syscall))
      throw new Error('the namespace helper is lost', { cause: error });
    throw error;
  }
}

export function attempt<T>(what: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw inKernelWords(what, error, []);
  }
}

/** A kernel's refusal as our error; anything else as it is. */
export function inKernelWords(what: string, error: unknown, messages: readonly string[]): unknown {
  return isSystemError(error) ? new PosternError('MOUNT_FAILED', kernelWords(what, error, messages)) : error;
}
