/** Encrypted images for real: dm-crypt with its key in the kernel's keyring, an ordinary user, and that nothing is left or told. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountedImage } from '../../client/client.ts';
import { makeVolume } from '../luks/volumes.ts';
import { writeDisk } from '../support/disk.ts';
import { mounting, refusal } from './asking.ts';
import { checkLater, data } from './report.ts';
import { asOrdinaryUser, serve, stop, until } from './server.ts';

const ground = '/home/encrypted';
const trusted = '/run/encrypted-images';
const password = 'correct horse battery staple';
const wrong = 'a-secret-that-is-none';
const systemError = 'io.systemd.System';

/** Empty for a device that goes at this very moment, and for what it has not. */
function sysText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
const devices = () => readdirSync('/sys/block').filter((name) => sysText(`/sys/block/${name}/dm/name`).startsWith('postern-'));
const loops = () => readdirSync('/sys/block').filter((name) => sysText(`/sys/block/${name}/loop/backing_file`) !== '');

/** What is in it, as it is on the disk. */
function content(): { readonly fileSystem: Uint8Array; readonly payload: Buffer } {
  const tree = join(ground, 'tree');
  const payload = randomBytes(2 * 1024 * 1024);
  mkdirSync(join(tree, 'bin'), { recursive: true });
  for (const folder of ['dev', 'proc', 'tmp', 'run']) mkdirSync(join(tree, folder));
  copyFileSync('/bin/busybox', join(tree, 'bin/busybox'));
  writeFileSync(join(tree, 'payload'), payload);
  execFileSync('mkfs.erofs', ['--quiet', '--all-root', join(ground, 'tree.erofs'), tree], { stdio: 'ignore' });
  return { fileSystem: new Uint8Array(readFileSync(join(ground, 'tree.erofs'))), payload };
}

const payloadOf = ({ partitions: [root] }: MountedImage) => readFileSync(`/proc/self/fd/${root?.mount.fd}/payload`);

function asUser(image: string, secret: string, ...command: readonly string[]) {
  const args = [...asOrdinaryUser, 'bin/postern', 'run', '--image', image, '--password-file', '-', '--', ...command];
  return spawnSync('setpriv', args, { input: `${secret}\n`, maxBuffer: 1 << 24, stdio: ['pipe', 'pipe', 'pipe'] });
}

/** Every process's arguments and environment, and what the kernel tells root about devices. */
function whatCanBeSeen(): string {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const read = (path: string) => {
    try {
      return readFileSync(path, 'latin1');
    } catch {
      return ''; // it ended meanwhile
    }
  };
  return processes.flatMap((pid) => [read(`/proc/${pid}/cmdline`), read(`/proc/${pid}/environ`)]).join('\n');
}

export async function encryptedImages(): Promise<void> {
  mkdirSync(ground);
  const before = loops();
  mkdirSync(trusted);
  mkdirSync('/run/postern', { recursive: true });
  const { fileSystem, payload } = content();
  const put = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(ground, name), bytes);
    const path = join(trusted, `${name}.raw`);
    writeDisk(path, [{ designator: 'root', content: join(ground, name) }]);
    chmodSync(path, 0o644);
    return path;
  };
  const volume = makeVolume({ password, content: fileSystem, derivation: 'argon2id' });
  const image = put('small', volume.bytes);
  const large = put('large', makeVolume({ password, content: fileSystem, sectorSize: 4096, morePasswords: ['second'] }).bytes);
  const damagedBytes = volume.bytes.slice();
  for (const offset of [5000, 16384 + 5000]) damagedBytes[offset] = (damagedBytes[offset] ?? 0) ^ 1;
  const damaged = put('damaged', damagedBytes);
  const elsewhere = join(ground, 'elsewhere.raw');
  copyFileSync(image, elsewhere);

  const config = `[verity.routes]\ntrusted_directories = ["${trusted}"]\n`;
  const log = join(ground, 'log');
  const parent = await serve({ state: '/home/encrypted-state', config, log });
  const gone = () =>
    until('the end of every device', () => (devices().length === 0 && loops().length === before.length ? true : undefined));

  await checkLater('dm-crypt: an ordinary user reads an encrypted image in a namespace of its own', async () => {
    const { status, stdout, stderr } = asUser(image, password, '/bin/busybox', 'cat', '/payload');
    await gone();
    return (status === 0 && stdout.equals(payload)) || `status ${status}, ${stdout.length} bytes: ${stderr.toString().slice(0, 800)}`;
  });
  await checkLater('dm-crypt: the table names the key, and has it not', async () => {
    const seen = await mounting(image, () => execFileSync('dmsetup', ['table', '--showkeys'], { encoding: 'utf8' }), { password });
    await gone();
    const key = Buffer.from(volume.key).toString('hex');
    data({ cryptTable: seen });
    return (/crypt aes-xts-plain64 :64:logon:postern:/.test(seen) && !seen.includes(key.slice(0, 16))) || seen;
  });
  await checkLater('dm-crypt: sectors of 4096 bytes, and the second of two passwords', () =>
    mounting(
      large,
      (mounted) => {
        const [partition] = mounted.partitions;
        return (payloadOf(mounted).equals(payload) && partition?.writable === false) || 'other bytes';
      },
      { password: 'second' },
    ),
  );
  await checkLater('dm-crypt: mounts of one image share its device, which goes with the last', async () => {
    const counts = await mounting(image, () => mounting(image, () => devices().length, { password }), { password });
    await gone();
    return counts === 1 || `${counts} devices`;
  });
  await checkLater('dm-crypt: a wrong password is refused as the kernel would refuse a key', async () =>
    refusal(image, systemError, 'PASSWORD_WRONG', { password: wrong }),
  );
  await checkLater('dm-crypt: no password is refused', () => refusal(image, 'KeyNotFound', 'PASSWORD_MISSING'));
  await checkLater('dm-crypt: a damaged header is refused', () => refusal(damaged, 'IncompatibleImage', 'LUKS_HEADER', { password }));
  await checkLater('dm-crypt: outside of a trusted directory the policy denies it', () =>
    refusal(elsewhere, 'DeniedByImagePolicy', 'POLICY_DENIED', { password }),
  );
  for (const version of [1, 2] as const)
    await checkLater(`dm-crypt: what the kernel encrypted is opened just so, of LUKS${version}`, async () => {
      const path = join(ground, 'kernel');
      writeFileSync(path, makeVolume({ version, password, content: new Uint8Array(fileSystem.length) }).bytes);
      const secret = join(ground, 'secret');
      writeFileSync(secret, password);
      execFileSync('cryptsetup', ['open', '--key-file', secret, path, 'by-kernel']);
      execFileSync('dd', [`if=${join(ground, 'tree.erofs')}`, 'of=/dev/mapper/by-kernel', 'bs=1M', 'conv=fsync'], { stdio: 'ignore' });
      execFileSync('cryptsetup', ['close', 'by-kernel']);
      const made = put(`by-kernel-${version}`, readFileSync(path));
      const read = await mounting(made, payloadOf, { password });
      await gone();
      return read.equals(payload) || 'other bytes';
    });
  await checkLater('dm-crypt: no device, no loop device and no password is left anywhere', async () => {
    await gone();
    const seen = whatCanBeSeen() + execFileSync('bin/postern', ['status', '--json'], { encoding: 'utf8' });
    const told = readFileSync(log, 'utf8');
    const leaks = [password, wrong].filter((secret) => seen.includes(secret) || told.includes(secret));
    return (leaks.length === 0 && told.includes('received')) || `${leaks.length} passwords can be seen; the log has ${told.length} bytes`;
  });
  await stop(parent);
}
