/** From a caller's directory to a locked mount of it: as `mount.ts`, one straight line of system calls on a worker's thread. */
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { isSystemError } from '../../native/index.ts';
import { type DirectoryJob, type JobOutcome, mountAttributes } from './job.ts';
import { askHelper, attempt, type Bench, inKernelWords, inTime, lock, outcomeOf } from './mount.ts';

/** Nothing but the mount is left open. */
export function carryOutDirectory(job: DirectoryJob, bench: Bench): JobOutcome {
  return outcomeOf(() => {
    inTime(job, bench);
    using mount = cloneOf(job, bench);
    const { idMap } = job;
    if (idMap !== null) attempt('the directory', () => bench.kernel.mountSetattr(mount.fd, 0, 0, idMap, false));
    inTime(job, bench);
    return lock([{ mount, device: null, growth: null }], job.isForHost, bench);
  });
}

/** The caller chose what lies in the directory: its devices never work, and its set-user-ID bits give nothing. */
function cloneOf({ directory, mountNamespace, readOnly }: DirectoryJob, { kernel, helper }: Bench): Descriptor {
  const attributes = mountAttributes.noDevices | mountAttributes.noSuid | (readOnly ? mountAttributes.readOnly : 0);
  try {
    return new Descriptor(askHelper(() => kernel.helperCloneDirectory(helper, directory, mountNamespace, attributes)));
  } catch (error) {
    if (isSystemError(error) && error.syscall === 'open_tree' && error.code === 'EINVAL') throw new PosternError('DIRECTORY_ELSEWHERE');
    throw inKernelWords('the directory', error, []);
  }
}
