/** Where this machine has its control groups. */
import { readFileSync } from 'node:fs';

/** The usual place, for a machine that mounts cgroup2 nowhere: the allocator sees that it is something else. */
const usual = '/sys/fs/cgroup';

/** The first mount of cgroup2, of which there may be several with one and the same tree. The launcher takes no path with a colon. */
export function controlGroups(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): string {
  for (const line of mountInfo.split('\n')) {
    const [place, type] = line.split(' - ');
    const path = place?.split(' ')[4] ?? '';
    // spaces and the like are told as octal numbers: nobody mounts it there
    if (type?.startsWith('cgroup2 ') && !/[:\\]/.test(path)) return path;
  }
  return usual;
}
