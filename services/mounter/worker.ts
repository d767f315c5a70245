/**
 * A worker's thread: one mount at a time, by synchronous calls only. It starts a namespace helper of its own when it starts, and
 * never another: after the lock-down nothing can be executed. A thread or helper that ends takes the mounter with it
 * (pool.ts), which the parent starts again.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../mesh/clock.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { carryOutDirectory } from './directory.ts';
import { type DirectoryJob, type JobOutcome, type MountJob, mountAttributes, type SignerJob } from './job.ts';
import { type Bench, carryOut } from './mount.ts';
import { carryOutSigner } from './signer.ts';

const { socket: helper, pid } = native.spawnHelper(join(dirname(fileURLToPath(import.meta.url)), 'helper'));
const bench: Bench = { kernel: native, helper, now: systemClock.now };

/**
 * Answers once the thread and its helper are of use: a mount of nothing goes the whole way once, so that a kernel on which flags can't be
 * locked is found at start, not by a client.
 */
export function ready(): { readonly helper: number } {
  using context = new Descriptor(native.fsopen('tmpfs'));
  native.fsconfigCreate(context.fd);
  using mount = new Descriptor(native.fsmount(context.fd, mountAttributes.noDevices));
  closeAll(native.helperLockMounts(helper, [mount.fd]).map((fd) => new Descriptor(fd)));
  return { helper: pid };
}

export function directory(job: DirectoryJob): JobOutcome {
  return carryOutDirectory(job, bench);
}

export function signer(job: SignerJob): JobOutcome {
  return carryOutSigner(job, bench);
}

export function mount(job: MountJob): JobOutcome {
  return carryOut(job, bench);
}
