/**
 * Runs inside of the lab's machine: what this kernel must have for the routes that the machine at hand has not. One line a check, in the
 * words that lab/suite.mjs counts.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const native = createRequire(import.meta.url)('../../dist/postern.node');

const checks = {
  'BPF-LSM programs load': () => native.tryBpfLsm() ?? true,
  'the kernel describes its own types': () => existsSync('/sys/kernel/btf/vmlinux') || 'no BTF',
  'bpffs keeps pins': () => readFileSync('/proc/self/mounts', 'utf8').includes(' /sys/fs/bpf bpf ') || 'not mounted',
  'dm-verity devices can be made': () => {
    const { status, stderr } = spawnSync('/run/modprobe', ['dm-verity'], { encoding: 'utf8' });
    return (status === 0 && existsSync('/dev/mapper/control')) || stderr || 'no device mapper';
  },
  'erofs, squashfs, ext4 and overlayfs come when asked for': () => {
    const missing = ['erofs', 'squashfs', 'ext4', 'overlay'].filter((name) => spawnSync('/run/modprobe', [name]).status !== 0);
    return missing.length === 0 || `missing: ${missing.join(' ')}`;
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  let outcome;
  try {
    outcome = check();
  } catch (error) {
    outcome = error.message;
  }
  if (outcome !== true) failed++;
  process.stdout.write(outcome === true ? `ok ${name}\n` : `not ok ${name}: ${outcome}\n`);
}
process.exitCode = failed > 0 ? 1 : 0;
