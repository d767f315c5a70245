/** Debian's root file systems with systemd in them: made once for each list of packages, and then only read. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cache, mirror, run } from '../packages.mjs';

/** What both suites get. */
const packages = [
  // the service manager, with the originals and their clients
  ...['systemd', 'systemd-sysv', 'systemd-container', 'systemd-repart', 'systemd-userdbd', 'udev'],
  // what a client's session and an administrator's rules need
  ...['dbus', 'dbus-user-session', 'polkitd', 'libnss-systemd', 'libpam-systemd'],
  // what the cases call
  ...['util-linux', 'procps', 'iproute2', 'passwd', 'kmod', 'uidmap'],
  // what makes and opens images
  ...['erofs-utils', 'squashfs-tools', 'e2fsprogs', 'cryptsetup-bin', 'openssl', 'dmsetup', 'busybox-static'],
  // what Node and Postern's addons are linked with
  ...['libstdc++6', 'libatomic1', 'libseccomp2', 'libbpf1'],
];

/** The suites, with the kernel that each is tried on, and what only it has. */
export const suites = {
  sid: { kernel: '7.x', packages: [...packages, 'python3-varlink-tests'] },
  trixie: { kernel: '6.12', packages },
};

/** Files that differ from day to day or that nobody reads. */
const leftOut = ['/usr/share/doc/*', '/usr/share/man/*', '/usr/share/locale/*', '/var/cache/apt/*'];

function make(suite, target) {
  const work = mkdtempSync(`${target}.new-`);
  try {
    const options = [
      ...['--variant=minbase', '--format=directory', '--quiet'],
      // a mirror's index of sid may be past its date; the signature still holds
      ...['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=APT::Sandbox::User "root"'],
      ...leftOut.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
      `--include=${suites[suite].packages.join(',')}`,
    ];
    run('mmdebstrap', [...options, suite, join(work, 'root'), mirror]);
    renameSync(work, target);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    throw error;
  }
}

/** Older ones of a suite: nobody will ask for them again. */
function removeOthers(folder, suite, kept) {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(`${suite}-`) && name !== kept && !name.includes('.new-')) rmSync(join(folder, name), { recursive: true });
  }
}

/**
 * A suite's root file system.
 * @param {keyof typeof suites} suite
 * @returns {string} its folder, which must not be written to
 */
export function fetchRoot(suite) {
  const folder = join(cache, 'roots');
  const key = createHash('sha256')
    .update(JSON.stringify([suites[suite].packages, leftOut]))
    .digest('hex');
  const name = `${suite}-${key.slice(0, 12)}`;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, name))) {
    make(suite, join(folder, name));
    removeOthers(folder, suite, name);
  }
  return join(folder, name, 'root');
}
