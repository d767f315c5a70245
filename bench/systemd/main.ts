/**
 * systemd's own daemons and Postern beside each other, in a virtual machine with systemd as PID 1, one after the other on the same paths.
 * `npm run bench:systemd` brings it there. Prints a table.
 *   node systemd.mjs PROJECT IMAGES
 */
import { chmodSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { originals, postern, systemdVersion } from '../../lab/systemd/servers.ts';
import type { Ground } from './calls.ts';
import { measureAll } from './measure.ts';
import { report } from './report.ts';

const [project, images] = process.argv.slice(2);
if (project === undefined || images === undefined) throw new Error('usage: systemd.mjs PROJECT IMAGES');
/** Both servers look for signers' certificates there. */
const signers = '/etc/verity.d';
const trustedFolder = '/var/lib/machines';

function put(from: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  // systemd keeps its own folders of images to root
  chmodSync(folder, 0o755);
  const target = join(folder, basename(from));
  copyFileSync(from, target);
  return target;
}

put(join(images, 'trust/bench.crt'), signers);
const ground: Ground = {
  stock: join(project, 'dist/bench/stock'),
  signed: put(join(images, 'signed.raw'), '/home/bench'),
  trusted: put(join(images, 'trusted.raw'), trustedFolder),
};
// Debian builds them without trusted directories, which this switches on
const theirs = originals(['SYSTEMD_MOUNTFSD_TRUSTED_DIRECTORIES=1']);
const servers = [theirs, postern(project, `[verity.routes]\ntrusted_directories = ["${trustedFolder}"]\n`)];
const result = await measureAll(servers, ground, (text) => process.stderr.write(`${text}\n`));
const suite = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? 'Debian';
process.stdout.write(`### ${suite}, systemd ${systemdVersion()}, kernel ${release()}\n\n${report(result)}\n`);
// what the originals can't do is a finding; what Postern can't is a failure
if (result.measured.some(({ server, cost }) => server === 'Postern' && typeof cost === 'string')) process.exitCode = 1;
