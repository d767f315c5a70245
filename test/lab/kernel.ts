/** What a kernel must have for the routes that the machine at hand has not. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { native } from '../../native/index.ts';
import { check } from './report.ts';

/** True, or what the kernel's module loader said. */
function comes(module: string): string | true {
  const { status, stderr } = spawnSync('/run/modprobe', [module], { encoding: 'utf8' });
  return status === 0 || stderr.trim() || `${module} is missing`;
}

export function kernelHasWhatItTakes(): void {
  check('BPF-LSM programs load', () => native.tryBpfLsm() ?? true);
  check('dm-verity devices can be made', () => (existsSync('/dev/mapper/control') ? comes('dm-verity') : 'no device mapper'));
  for (const name of ['erofs', 'squashfs', 'ext4', 'overlay']) check(`${name} comes when asked for`, () => comes(name));
}
