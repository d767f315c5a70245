/** What processes cost, by their units' control groups and by the kernel's own sums. For any server the same way. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

/** Microseconds of processor time of a control group and all below it, since it was made. */
function cpuOf(group: string): number {
  const usage = readFileSync(join(root, group, 'cpu.stat'), 'utf8').match(/^usage_usec (\d+)$/m)?.[1];
  return Number(usage);
}

export interface Cpu {
  /** microseconds of the server's own units */
  readonly own: number;
  /** … of everybody else but who asks: the service manager, D-Bus, polkit, udev, the journal, who work for a server too */
  readonly others: number;
}

/**
 * @param groups the server's
 * @param asking the client's
 */
export function cpu(groups: readonly string[], asking: string): Cpu {
  const own = groups.map(cpuOf).reduce((sum, time) => sum + time, 0);
  const everybody = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => cpuOf(name))
    .reduce((sum, time) => sum + time, 0);
  return { own, others: everybody - own - cpuOf(asking) };
}

/** The processes of a control group and of those below it. */
function processesOf(group: string): string[] {
  const own = readFileSync(join(root, group, 'cgroup.procs'), 'utf8')
    .split('\n')
    .filter(Boolean);
  const below = readdirSync(join(root, group), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...below.flatMap(({ name }) => processesOf(join(group, name)))];
}

export interface Memory {
  readonly processes: number;
  /** bytes: proportional set size, in which a page that several processes map is divided among them */
  readonly pss: number;
}

export function memory(groups: readonly string[]): Memory {
  const processes = groups.flatMap(processesOf);
  const pss = processes.map((pid) => {
    try {
      return Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+) kB$/m)?.[1]) * 1024;
    } catch {
      // ended meanwhile
      return 0;
    }
  });
  return { processes: processes.length, pss: pss.reduce((sum, bytes) => sum + bytes, 0) };
}

/** The control group that we are in ourselves, and with us the clients. */
export function ownGroup(): string {
  const path = readFileSync('/proc/self/cgroup', 'utf8').match(/^0::\/(.*)$/m)?.[1];
  if (path === undefined) throw new Error('no unified control group');
  return path;
}
