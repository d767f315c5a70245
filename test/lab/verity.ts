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
import { release } from 'node:os';
import { join } from 'node:path';
import { CallError } from '../../client/client.ts';
import { connectAs } from '../support/connect-as.ts';
import { mounting, refusal } from './asking.ts';
import { startHolder } from './directory.ts';
import { makeImage, makeSigner, payloadBytes, type Signer } from './images.ts';
import { checkLater, skip } from './report.ts';
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
/** What other tests' grounds lie on. */
let others: readonly string[] = [];
const loops = () => blockDevices().filter((name) => existsSync(`/sys/block/${name}/loop/backing_file`) && !others.includes(name));
const residue = () => ({
  devices: verityDevices(),
  loops: loops(),
  mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
});

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
  others = loops();
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
  await checkLater('dm-verity: the next mount finds the device of the last, which goes a moment later', async () => {
    const serial = async () => {
      await mounting(image, (mounted) => mounted.attach(first));
      unmount(first);
      return sysText(`/sys/block/${verityDevices()[0]}/diskseq`);
    };
    const [one, other] = [await serial(), await serial()];
    await gone();
    return (one !== '' && one === other) || `devices ${one} and ${other}`;
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
  await checkLater('dm-verity: an unknown signer is refused with KeyNotFound', () => refusal(unknown, 'KeyNotFound', 'SIGNER_UNKNOWN'));
  await checkLater('dm-verity: a signature over another root hash is refused with VerityFailure', async () => {
    const forged = join(ground, 'forged.raw');
    execFileSync('cp', [image, forged]);
    putDocument(forged, documentOf(another));
    return refusal(forged, 'VerityFailure', 'SIGNATURE_OTHER_IMAGE');
  });
  await checkLater('dm-verity: an image without a signature is refused with DeniedByImagePolicy', async () => {
    const bare = join(ground, 'bare.erofs');
    execFileSync('mkfs.erofs', [bare, join(ground, 'image.tree')], { stdio: 'ignore' });
    return refusal(bare, 'DeniedByImagePolicy', 'SIGNATURE_MISSING');
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
  parent = await serve({ state: '/home/verity-kernel', config: '[verity]\nsigners = "kernel"\n[polkit]\nask = true\n' });
  await checkLater('dm-verity: with signers = "kernel" a certificate of the operator’s does not count', () =>
    refusal(image, 'KeyNotFound', 'SIGNER_UNKNOWN'),
  );
  await firmwareSigner(signer);
  await stop(parent);
  await checkLater('dm-verity: no device, loop or mount is left at the end', gone);
}

/** An ordinary user's mounts: root is nobody whom polkit is asked about. */
async function askedBeforehand(known: string, unknown: string): Promise<string | true> {
  const holder = await startHolder();
  const user = connectAs(1000, socket);
  const userNamespace = openSync(`/proc/${holder.pid}/ns/user`, 'r');
  const outcome = async (path: string) => {
    const image = openSync(path, 'r');
    try {
      using mounted = await user.mountImage({ image, userNamespace });
      return `${mounted.partitions.length} mounted`;
    } catch (thrown) {
      return thrown instanceof CallError ? thrown.reason : String(thrown);
    } finally {
      closeSync(image);
    }
  };
  try {
    await user.allocate({ name: 'asked', userNamespace });
    const told = `${await outcome(known)}, ${await outcome(unknown)}`;
    await gone();
    return told === '1 mounted, SIGNER_UNKNOWN' || told;
  } finally {
    closeSync(userNamespace);
    user.close();
    holder.kill('SIGKILL');
  }
}

/** The kernel's own word, on a server that takes no other. */
async function firmwareSigner(stranger: Signer): Promise<void> {
  const names = {
    mounts: 'dm-verity: signed by a key in the firmware’s db, an image mounts by the kernel’s word',
    asked: 'dm-verity: where polkit may let an image in, the kernel is asked before the mount: it believes this signer and not that one',
    other: 'dm-verity: the kernel refuses a signature of that key over another root hash',
    garbage: 'dm-verity: the kernel refuses a signature that is none',
    unknown: 'dm-verity: the kernel refuses a signer that it does not know',
  };
  const [major = 0, minor = 0] = release().split('.').map(Number);
  if (major * 1000 + minor < 6012) {
    for (const name of Object.values(names)) skip(name, 'dm-verity looks into the platform keyring from 6.12 on');
    return;
  }
  const signer = { key: 'dist/lab-signer.key', cert: 'dist/lab-signer.crt' };
  const image = await makeImage(ground, 'firmware', signer);
  const place = join(ground, 'firmware');
  mkdirSync(place);
  await checkLater(names.mounts, async () => {
    await mounting(image, (mounted) => mounted.attach(place));
    const { length } = readFileSync(join(place, 'payload'));
    unmount(place);
    await gone();
    return length === payloadBytes || `${length} bytes`;
  });
  const original = documentOf(image);
  await checkLater(names.asked, () => askedBeforehand(image, join(ground, 'unknown.raw')));
  await checkLater(names.other, async () => {
    const { signature } = documentOf(await makeImage(ground, 'firmware-other', signer));
    putDocument(image, { ...original, signature });
    return refusal(image, 'VerityFailure', 'SIGNATURE_INVALID');
  });
  await checkLater(names.garbage, () => {
    putDocument(image, { ...original, signature: Buffer.from('not a signature').toString('base64') });
    return refusal(image, 'VerityFailure', 'SIGNATURE_INVALID');
  });
  await checkLater(names.unknown, async () =>
    refusal(await makeImage(ground, 'firmware-unknown', stranger), 'KeyNotFound', 'SIGNER_UNKNOWN'),
  );
}

interface SignatureDocument {
  readonly rootHash: string;
  readonly signature: string;
}

const documentPattern = /\{"rootHash":"([0-9a-f]+)"[^\0]*"signature":"([^"]+)"[^\0]*\}/;

function documentOf(path: string): SignatureDocument {
  const [, rootHash = '', signature = ''] = documentPattern.exec(readFileSync(path, 'latin1')) ?? [];
  return { rootHash, signature };
}

/** Writes another document over the one that is there, and nothing beyond it. */
function putDocument(path: string, document: SignatureDocument): void {
  const found = documentPattern.exec(readFileSync(path, 'latin1'));
  if (found === null) throw new Error('the image has no signature document');
  const text = JSON.stringify(document).padEnd(found[0].length, '\0');
  const fd = openSync(path, 'r+');
  writeSync(fd, text, found.index, 'latin1');
  closeSync(fd);
}
