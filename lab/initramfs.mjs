/**
 * A first root for kernels whose virtio and virtiofs drivers are modules (Debian's 6.1): it loads them and goes on to the real one.
 * Newer kernels have them built in and get none.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const needed = ['virtio_pci', 'virtiofs'];

/** The files of a module and of what it depends on, in the order to load them. */
function moduleFiles(modules) {
  const lines = readFileSync(join(modules, 'modules.dep'), 'utf8').split('\n');
  const dependencies = new Map(
    lines.map((line) => line.split(':')).map(([file, rest]) => [file, rest?.trim().split(' ').filter(Boolean) ?? []]),
  );
  const wanted = needed.flatMap((name) => [...dependencies.keys()].filter((file) => basename(file).replace(/\.ko.*/, '') === name));
  // modules.dep names the deepest dependency last
  return [...new Set(wanted.flatMap((file) => [...(dependencies.get(file) ?? []).toReversed(), file]))];
}

const script = (files) => `#!/bin/busybox sh
${files.map((file) => `/bin/busybox insmod /${basename(file)}`).join('\n')}
/bin/busybox mkdir -p /root /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t virtiofs -o ro rootfs /root
for word in $(/bin/busybox cat /proc/cmdline); do case "$word" in init=*) init=\${word#init=};; esac; done
/bin/busybox umount /proc
exec /bin/busybox switch_root /root "$init"
`;

/**
 * Writes the archive where the kernel needs one.
 * @param {string} modules /lib/modules/VERSION of the kernel
 * @param {string} target the file to write
 */
export function makeInitramfs(modules, target) {
  if (readFileSync(join(modules, 'modules.builtin'), 'utf8').includes('/virtiofs.ko')) return;
  const folder = mkdtempSync(join(tmpdir(), 'postern-initramfs-'));
  try {
    const files = moduleFiles(modules);
    mkdirSync(join(folder, 'bin'));
    copyFileSync('/bin/busybox', join(folder, 'bin/busybox'));
    for (const file of files) copyFileSync(join(modules, file), join(folder, basename(file)));
    writeFileSync(join(folder, 'init'), script(files));
    chmodSync(join(folder, 'init'), 0o755);
    const names = ['.', 'bin', 'bin/busybox', 'init', ...files.map((file) => basename(file))];
    const archive = spawnSync('/bin/busybox', ['cpio', '-o', '-H', 'newc'], {
      cwd: folder,
      input: `${names.join('\n')}\n`,
      maxBuffer: 1 << 27,
    });
    if (archive.status !== 0) throw new Error(`the initramfs could not be packed: ${archive.stderr}`);
    writeFileSync(target, archive.stdout);
  } finally {
    if (existsSync(folder)) rmSync(folder, { recursive: true });
  }
}
