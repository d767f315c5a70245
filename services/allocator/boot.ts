/** Which start of the machine this is: namespaces of another one are gone. */
import { readFileSync } from 'node:fs';

/** The kernel's random name of this boot; see random(4). */
export function currentBoot(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
