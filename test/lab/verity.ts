/** dm-verity for real: who is believed, what is shared, what a change afterwards does, and that nothing is left. */
import { type ChildProcess, execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { CallError, type MountedImage, PosternClient } from '../../client/client.ts';
import { makeImage, makeSigner, payloadBytes } from './images.ts';
import { checkLater } from './report.ts';
import { asOrdinaryUser, serve, socket, stop, until } from './server.ts';

const ground = '/home/verity';
const trusted = '/run/verity.d';
const crowd = { images: 20, clients: 16, mounts: 500, seconds: 600 };

/** Empty for a device that goes at this very moment. */
function sysText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
const blockDevices = () => readdirSync('/sys/block');
/** Our devices, as the kernel lists them. */
const verityDevices = () =>
  blockDevices().filter((name) => name.startsWith('dm-') && sysText(`/sys/block/${name}/dm/name`).startsWith('postern-'));
const loops = () => blockDevices().filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`));
const residue = () => ({
  devices: verityDevices(),
  loops: loops(),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
});

async function mounting<T>(path: string, use: (image: MountedImage) => T | Promise<T>): Promise<T> {
  const client = PosternClient.connect(socket);
  const fd = openSync(path, 'r');
  try {
    using image = await client.mountImage({ image: fd, readOnly: true });
    return await use(image);
  } finally {
    closeSync(fd);
    client.close();
  }
}

/** True when the call is refused with this name and reason; else what came instead. */
async function refused(path: string, name: string, reason: string): Promise<string | true> {
  try {
    await mounting(path, () => undefined);
    return 'it was mounted';
  } catch (thrown) {
    if (!(thrown instanceof CallError)) throw thrown;
    return (thrown.error === `io.systemd.MountFileSystem.${name}` && thrown.reason === reason) || `${thrown.error}: ${thrown.message}`;
  }
}

const gone = async (): Promise<true> => {
  await until('the end of every device', () => (verityDevices().length + loops().length === 0 ? true : undefined));
  return true;
};

function unmount(folder: string): void {
  execFileSync('umount', [folder]);
}

/** Nobody read it before: none of it is in memory. */
const openPayload = (folder: string) => openSync(join(folder, 'payload'), constants.O_RDONLY);

function firstError(fd: number): string {
  const block = Buffer.alloc(4096);
  try {
    for (let position = 0; position < payloadBytes; position += block.length) readSync(fd, block, 0, block.length, position);
    return 'none';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
}

/** Changes one byte in the middle of the payload; once more, and it is as before. */
function flip(path: string): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  const position = 1024 * 1024 + payloadBytes / 2;
  readSync(fd, byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  writeSync(fd, byte, 0, 1, position);
  closeSync(fd);
}

export async function verityDevicesForReal(): Promise<void> {
  mkdirSync(ground);
  mkdirSync(trusted, { recursive: true });
  mkdirSync('/run/postern', { recursive: true });
  const signer = makeSigner(ground, 'signer');
  const stranger = makeSigner(ground, 'stranger');
  copyFileSync(signer.cert, join(trusted, 'signer.crt'));
  const image = await makeImage(ground, 'image', signer);
  const another = await makeImage(ground, 'another', signer);
  const unknown = await makeImage(ground, 'unknown', stranger);
  const places = ['a', 'b'].map((name) => join(ground, name));
  for (const place of places) mkdirSync(place);
  const [first = '', second = ''] = places;
  let parent: ChildProcess = await serve({ state: '/home/verity-state' });

  await checkLater('dm-verity: a signed image is activated in place', () =>
    mounting(image, (mounted) => {
      mounted.attach(first);
      const [device] = verityDevices();
      const read = readFileSync(join(first, 'payload')).equals(readFileSync(join(ground, 'image.tree/payload')));
      return (device !== undefined && read && sysText(`/sys/block/${device}/ro`) === '1') || `device ${device}, content ${read}`;
    }),
  );
  await checkLater('dm-verity: mounts of one image share its device, which goes with the last', async () => {
    await mounting(image, (mounted) => mounted.attach(second));
    const shared = verityDevices().length;
    unmount(first);
    const still = verityDevices().length;
    const readable = readFileSync(join(second, 'payload')).length;
    unmount(second);
    await gone();
    return (shared === 1 && still === 1 && readable === payloadBytes) || `${shared}, then ${still} devices`;
  });
  await checkLater('dm-verity: data changed afterwards gives EIO, and the rest goes on', async () => {
    await mounting(image, (mounted) => mounted.attach(first));
    flip(image);
    const fd = openPayload(first);
    const error = firstError(fd);
    closeSync(fd);
    const healthy = await mounting(another, (mounted) => {
      mounted.attach(second);
      return readFileSync(join(second, 'payload')).length;
    });
    unmount(first);
    unmount(second);
    flip(image);
    await gone();
    return (error === 'EIO' && healthy === payloadBytes) || `reading gave ${error}, the other image ${healthy} bytes`;
  });
  await checkLater('dm-verity: an image changed beforehand gives EIO where it was changed', async () => {
    flip(another);
    await mounting(another, (mounted) => mounted.attach(first));
    const fd = openPayload(first);
    const error = firstError(fd);
    closeSync(fd);
    unmount(first);
    flip(another);
    await gone();
    return error === 'EIO' || `reading gave ${error}`;
  });
  await checkLater('dm-verity: an unknown signer is refused with KeyNotFound', () => refused(unknown, 'KeyNotFound', 'SIGNER_UNKNOWN'));
  await checkLater('dm-verity: a signature over another root hash is refused with VerityFailure', async () => {
    const forged = join(ground, 'forged.raw');
    execFileSync('cp', [image, forged]);
    exchangeSignatures(forged, another);
    return refused(forged, 'VerityFailure', 'SIGNATURE_OTHER_IMAGE');
  });
  await checkLater('dm-verity: nothing is left of what was refused', gone);

  await checkLater(`dm-verity: ${crowd.mounts} mounts of ${crowd.images} images from ${crowd.clients} clients leave nothing`, async () => {
    const images: string[] = [];
    for (let i = 0; i < crowd.images; i++) images.push(await makeImage(ground, `crowd${i}`, signer, 256 * 1024));
    execFileSync('cc', ['-O1', '-o', join(ground, 'crowd'), 'test/whole/crowd.c']);
    const before = JSON.stringify(residue());
    const args = [socket, crowd.clients, crowd.seconds, crowd.mounts].map(String);
    const visits = spawnSync('setpriv', [...asOrdinaryUser, join(ground, 'crowd'), ...args, ...images], {
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
    const lines = visits.stdout.trim().split('\n');
    const failed = lines.filter((line) => !line.endsWith(' done ok'));
    if (failed.length > 0 || lines.length < crowd.mounts)
      return `${failed.length} of ${lines.length} failed: ${failed[0]} ${visits.stderr}`;
    await until('the state of before', () => (JSON.stringify(residue()) === before ? true : undefined));
    return true;
  });

  await stop(parent);
  parent = await serve({ state: '/home/verity-kernel', config: '[verity]\nsigners = "kernel"\n' });
  await checkLater('dm-verity: with signers = "kernel" a certificate of the operator’s does not count', () =>
    refused(image, 'KeyNotFound', 'SIGNER_UNKNOWN'),
  );
  await stop(parent);
  await checkLater('dm-verity: no device, loop or mount is left at the end', gone);
}

/** Puts the signature document of one image into another of the same layout. */
function exchangeSignatures(target: string, from: string): void {
  const document = /\{"rootHash"[^\0]*\}/;
  const bytes = readFileSync(target, 'latin1');
  const theirs = document.exec(readFileSync(from, 'latin1'))?.[0] ?? '';
  const at = bytes.search(document);
  const fd = openSync(target, 'r+');
  writeSync(fd, Buffer.from(theirs, 'latin1'), 0, theirs.length, at);
  closeSync(fd);
}
