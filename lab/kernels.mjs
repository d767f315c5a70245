/** Debian's kernels, unpacked from their packages without installing them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeInitramfs } from './initramfs.mjs';
import { aptFor, cache, run, unpackPackages } from './packages.mjs';

/** The kernels that the lab knows: the newest cloud kernel of a line, from the first suite that has the newest. */
export const kernels = {
  6.1: { line: /^6\.1\./, suites: ['bookworm'], always: false },
  6.12: { line: /^6\.12\./, suites: ['trixie'], always: true },
  '7.x': { line: /^7\./, suites: ['trixie-backports', 'sid'], always: true },
};

/** Orders versions such as `6.12.117+deb13` by their numbers. */
function compareVersions(a, b) {
  const numbers = (text) => text.split(/[^0-9]+/).map(Number);
  const [left, right] = [numbers(a), numbers(b)];
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The newest release of a line that the index lists: mirrors drop old ones, so a fixed number would not last. */
function newestOnMirror({ line, suites }) {
  const found = suites.flatMap((suite) => {
    const apt = aptFor(suite);
    const names = new Set(run('apt-cache', ['pkgnames', 'linux-'], apt).split('\n'));
    return [...names].flatMap((name) => {
      const release = name.match(/^linux-image-(.+)-cloud-amd64$/)?.[1];
      return release !== undefined && line.test(release) ? [{ release, apt, names }] : [];
    });
  });
  return found.sort((a, b) => compareVersions(b.release, a.release))[0];
}

/** The newest release of a line in the cache, for a machine that can't reach the mirror. */
function newestInCache({ line }) {
  const folder = join(cache, 'kernels');
  const here = existsSync(folder) ? readdirSync(folder) : [];
  return here.filter((name) => line.test(name) && !name.includes('.new')).sort((a, b) => compareVersions(b, a))[0];
}

/** Fetches and unpacks a release into `target`, which appears whole or not at all. */
function unpack({ release, apt, names }, target) {
  const work = mkdtempSync(`${target}.new-`);
  try {
    // from 7.x on a kernel comes in parts
    const parts = ['linux-binary', 'linux-modules', 'linux-base'].map((part) => `${part}-${release}-cloud-amd64`);
    const packages = names.has(parts[0]) && names.has(parts[1]) ? parts : [`linux-image-${release}-cloud-amd64`];
    const root = join(work, 'root');
    unpackPackages(packages, apt, root);
    if (!existsSync(join(root, 'lib'))) symlinkSync('usr/lib', join(root, 'lib'));
    const [version] = readdirSync(join(root, 'lib/modules'));
    run('depmod', ['-b', root, version]);
    const images = [join(root, 'boot', `vmlinuz-${version}`), join(root, 'lib/modules', version, 'vmlinuz')];
    renameSync(
      images.find((path) => existsSync(path)),
      join(work, 'vmlinuz'),
    );
    makeInitramfs(join(root, 'lib/modules', version), join(work, 'initramfs'));
    writeFileSync(join(work, 'release'), version);
    renameSync(work, target);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

/**
 * A kernel that is ready to boot.
 * @param {string} name a key of `kernels`, or the beginning of a release
 * @returns {{ name: string, release: string, image: string, modules: string, initramfs: string | null }}
 */
export function fetchKernel(name) {
  const known = kernels[name] ?? {
    line: new RegExp(`^${name.replaceAll('.', '\\.')}`),
    suites: ['trixie', 'trixie-backports', 'sid', 'bookworm'],
  };
  mkdirSync(join(cache, 'kernels'), { recursive: true });
  let release = null;
  try {
    const found = newestOnMirror(known);
    if (found !== undefined) {
      release = found.release;
      const target = join(cache, 'kernels', release);
      if (!existsSync(target)) unpack(found, target);
    }
  } catch (error) {
    release = newestInCache(known) ?? null;
    if (release === null) throw error;
  }
  if (release === null) throw new Error(`no kernel ${name} in ${known.suites.join(', ')}`);
  const folder = join(cache, 'kernels', release);
  const initramfs = join(folder, 'initramfs');
  return {
    name,
    release,
    image: join(folder, 'vmlinuz'),
    modules: join(folder, 'root'),
    initramfs: existsSync(initramfs) ? initramfs : null,
  };
}
