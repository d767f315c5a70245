/**
 * systemd's own daemons and Postern beside each other, in a virtual machine with systemd as PID 1, one after the other on the same paths.
 * `npm run bench:systemd` brings it there. Prints a table.
 *   node systemd.mjs PROJECT IMAGES CLIENTS…
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename, join } from 'node:path';
import { originals, postern, systemdVersion } from '../../lab/systemd/servers.ts';
import type { Ground } from './calls.ts';
import { measureAll } from './measure.ts';
import { report } from './report.ts';

const [project, images, ...counts] = process.argv.slice(2);
if (project === undefined || images === undefined || counts.length === 0) throw new Error('usage: systemd.mjs PROJECT IMAGES CLIENTS…');
/** Both servers look for signers' certificates there. */
const signers = '/etc/verity.d';
const trustedFolder = '/var/lib/machines';
const firstUser = 3000;

function put(from: string, folder: string): string {
  mkdirSync(folder, { recursive: true });
  const target = join(folder, basename(from));
  copyFileSync(from, target);
  return target;
}

/** Partitions, a file system and nothing that vouches for it, by systemd's own tool. */
function makeBareImage(tree: string, image: string): string {
  const definitions = mkdtempSync('/tmp/definitions-');
  const settings = ['Type=root', 'Format=erofs', `CopyFiles=${tree}:/`, 'Minimize=best'];
  writeFileSync(join(definitions, 'root.conf'), `[Partition]\n${settings.join('\n')}\n`);
  const options = ['--empty=create', '--size=auto', '--offline=yes', `--definitions=${definitions}`];
  execFileSync('systemd-repart', [...options, image], { stdio: ['ignore', 'ignore', 'inherit'] });
  chmodSync(image, 0o644);
  return image;
}

/** The clients' accounts (bench/client/stock.c): for a user whom no file knows, polkit would ask every database of the machine, Postern's too. */
function addUsers(count: number): void {
  for (const id of Array.from({ length: count }, (_, index) => firstUser + index)) {
    appendFileSync('/etc/passwd', `client-${id}:x:${id}:${id}::/:/usr/sbin/nologin\n`);
    appendFileSync('/etc/group', `client-${id}:x:${id}:\n`);
  }
}

put(join(images, 'trust/bench.crt'), signers);
// systemd keeps it to root
chmodSync(trustedFolder, 0o755);

const ground: Ground = {
  stock: join(project, 'dist/bench/stock'),
  signed: put(join(images, 'signed.raw'), '/home/bench'),
  trusted: makeBareImage(join(images, 'tree'), join(trustedFolder, 'trusted.raw')),
};
// Debian builds them without trusted directories, which this switches on
const theirs = originals(['SYSTEMD_MOUNTFSD_TRUSTED_DIRECTORIES=1']);
// emulated, polkit takes longer over many questions than it may elsewhere
const settings = `[polkit]\npatience = 300000\n[gateway.deadlines]\nrequest = 300000\n[verity.routes]\ntrusted_directories = ["${trustedFolder}"]\n`;
const servers = [theirs, postern(project, settings)];
const clients = counts.map(Number);
addUsers(Math.max(...clients));
const result = await measureAll(servers, ground, clients, (text) => process.stderr.write(`${text}\n`));
const suite = readFileSync('/etc/os-release', 'utf8').match(/^PRETTY_NAME="(.*)"$/m)?.[1] ?? 'Debian';
process.stdout.write(`### ${suite}, systemd ${systemdVersion()}, kernel ${release()}\n\n${report(result)}\n`);
// what the originals can't do is a finding; what Postern can't is a failure
if (result.measured.some(({ server, cost }) => server === 'Postern' && typeof cost === 'string')) process.exitCode = 1;
