/** Who is asked about: the very process that connected, held by its pidfd, in the terms that polkit takes. */
import { readFileSync } from 'node:fs';
import type { Descriptor } from '../../mesh/descriptors.ts';
import type { Peer } from '../../mesh/protocol.ts';
import { isSystemError } from '../../native/index.ts';
import type { Subject } from './check.ts';

/** Field 22 of proc_pid_stat(5), counted behind the name in parentheses, which may hold anything. */
const startTimeField = 22 - 3;

/** The start of a process by its /proc/PID/stat; undefined where that has none. */
export function startTimeOf(stat: string): bigint | undefined {
  const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[startTimeField];
  return field !== undefined && /^\d+$/.test(field) ? BigInt(field) : undefined;
}

/** The process that a pidfd names, by its /proc/self/fdinfo (5.4); -1 where it is gone, 0 where it is out of our sight. */
export function pidOf(fdinfo: string): number {
  return Number(/^Pid:\t(-?\d+)$/m.exec(fdinfo)?.[1] ?? -1);
}

/**
 * The process that connected; undefined where it has ended. The start is read first: a number whose pidfd still has a process was not
 * given to another in between.
 */
export function subjectOf(process: Descriptor, { pid, uid }: Peer): Subject | undefined {
  try {
    const startTime = startTimeOf(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    const holder = pidOf(readFileSync(`/proc/self/fdinfo/${process.fd}`, 'latin1'));
    return startTime === undefined || holder !== pid ? undefined : { pid, startTime, uid };
  } catch (thrown) {
    if (isSystemError(thrown)) return undefined;
    throw thrown;
  }
}
