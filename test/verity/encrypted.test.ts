/** Encrypted images: opened by their password where somebody stands for them, and told apart by what is wrong with them. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { MountSource } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import { fakeFileSystem, makeImage, makeSigner } from '../image/images.ts';
import { dataOffset, dataOffset1, makeVolume, type Volume, withFields } from '../luks/volumes.ts';
import { writeDisk } from '../support/disk.ts';
import { type Ask, Workbench, type WorkbenchOptions } from './workbench.ts';

const content = fakeFileSystem(256 * 1024);
const password = 'correct horse';
let volume: Volume;
let dear: Volume;
let bench: Workbench;

beforeAll(() => {
  volume = makeVolume({ password, content, derivation: 'argon2id', morePasswords: ['another'] });
  // half a minute of work, or more
  dear = { ...volume, bytes: withFields(makeVolume({ password, content }).bytes, { 'keyslots.0.kdf.iterations': 20_000_000 }) };
});
afterEach(() => bench.close());

async function start(options: WorkbenchOptions = {}, lacks: string | null = null): Promise<void> {
  bench = await Workbench.start(options);
  await bench.kernelHasVerity('ENOENT', lacks);
}

/** The volume as the root partition of an image. */
function disk(bytes: Uint8Array = volume.bytes): string {
  const path = `${bench.folder}/disk.raw`;
  writeDisk(path, [{ designator: 'root', content: bench.write('volume', bytes) }]);
  return path;
}

/** linux/fs/ext4/ext4.h: s_state of the superblock */
const stateAt = 1024 + 58;
function emptyExt4(): Uint8Array {
  const path = bench.write('ext4', new Uint8Array(2 * 1024 * 1024));
  execFileSync('mkfs.ext4', ['-q', '-F', path]);
  return new Uint8Array(readFileSync(path));
}

async function sourceOf(path: string, ask: Ask): Promise<MountSource | string> {
  const outcome = await bench.verify(path, { trusted: true, ...ask });
  if (outcome.attached === undefined) return outcome.failed.code;
  for (const descriptor of outcome.attached.descriptors) descriptor.close();
  return outcome.attached.payload.plan.partitions[0]?.source ?? 'no partition';
}

describe('an encrypted image that is trusted', () => {
  it('is opened by its password: the mounter gets the key, and what is in it is known', async () => {
    await start();
    const outcome = await bench.verify(disk(), { trusted: true, password });
    for (const descriptor of outcome.attached?.descriptors ?? []) descriptor.close();
    const [partition] = outcome.attached?.payload.plan.partitions ?? [];
    expect(partition).toMatchObject({
      designator: 'root',
      fileSystem: 'erofs',
      writable: false,
      source: { kind: 'crypt-device', offset: (partition?.offset ?? 0) + dataOffset, size: content.length, sectorSize: 512, tweak: 0 },
    });
    const key = partition?.source.kind === 'crypt-device' ? partition.source.key : [];
    expect(Buffer.from(key)).toEqual(Buffer.from(volume.key));
  });

  it('may be written to where it is asked for and what is in it can be, unless that wants a check first', async () => {
    await start();
    const fresh = emptyExt4();
    const unclean = fresh.slice();
    unclean[stateAt] = (unclean[stateAt] ?? 0) | 2;
    const answers = { ext4: fresh, erofs: content, unclean };
    const told: Record<string, unknown> = {};
    for (const [name, inner] of Object.entries(answers)) {
      const path = bench.write(`${name}.raw`, makeVolume({ password, content: inner }).bytes);
      for (const readOnly of [true, false]) {
        const { attached, failed } = await bench.verify(path, { trusted: true, password, options: { readOnly } });
        for (const descriptor of attached?.descriptors ?? []) descriptor.close();
        told[`${name} ${readOnly}`] = attached?.payload.plan.partitions[0]?.writable ?? failed?.code;
      }
    }
    expect(told).toEqual({
      'ext4 true': false,
      'ext4 false': true,
      'erofs true': false,
      'erofs false': false,
      'unclean true': false,
      'unclean false': 'FILE_SYSTEM_UNCLEAN',
    });
  });

  it('may be a bare volume, and be opened by the password of any keyslot', async () => {
    await start();
    const source = await sourceOf(bench.write('bare.raw', volume.bytes), { password: 'another' });
    expect(source).toMatchObject({ kind: 'crypt-device', offset: dataOffset });
  });

  it('may be of LUKS1, whatever its hash', async () => {
    await start();
    for (const hash of ['sha256', 'sha1']) {
      const old = makeVolume({ version: 1, password, content, arguments: ['--hash', hash] });
      const source = await sourceOf(bench.write('old.raw', old.bytes), { password });
      expect(source).toMatchObject({ kind: 'crypt-device', offset: dataOffset1, size: content.length, sectorSize: 512, tweak: 0 });
      const key = typeof source !== 'string' && source.kind === 'crypt-device' ? source.key : [];
      expect(Buffer.from(key)).toEqual(Buffer.from(old.key));
      expect(await sourceOf(bench.write('old.raw', old.bytes), { password: 'wrong' })).toBe('PASSWORD_WRONG');
    }
  });

  it('is refused without a password, and with a wrong one', async () => {
    await start();
    expect(await sourceOf(disk(), {})).toBe('PASSWORD_MISSING');
    expect(await sourceOf(disk(), { password: 'wrong' })).toBe('PASSWORD_WRONG');
    expect(await sourceOf(disk(), { password: '' })).toBe('PASSWORD_MISSING');
    expect(bench.status()).toMatchObject({ passwords: { opened: 0, refused: 1, waiting: 0 } });
  });

  it('is refused where the kernel has no dm-crypt, whatever the password', async () => {
    await start({}, 'ioctl(DM_GET_TARGET_VERSION): EINVAL');
    expect(await sourceOf(disk(), { password })).toBe('ENCRYPTION_UNSUPPORTED');
  });

  it('is refused before any work where it asks for more than the operator allows', async () => {
    await start({ unlockMemory: 32 * 1024 });
    expect(await sourceOf(disk(), { password })).toBe('LUKS_COST');
  });

  it('is refused where both its headers are damaged', async () => {
    await start();
    const bytes = volume.bytes.slice();
    for (const offset of [5000, 16384 + 5000]) bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    expect(await sourceOf(disk(bytes), { password })).toBe('LUKS_HEADER');
  });

  it('is refused where its key material is damaged, as with a wrong password', async () => {
    await start();
    const bytes = volume.bytes.slice();
    bytes[32768 + 100] = (bytes[32768 + 100] ?? 0) ^ 1;
    expect(await sourceOf(disk(bytes), { password })).toBe('PASSWORD_WRONG');
  });

  it('is refused where no file system that is mounted is in it', async () => {
    await start();
    const empty = makeVolume({ password, content: new Uint8Array(65536) });
    expect(await sourceOf(disk(empty.bytes), { password })).toBe('FILE_SYSTEM_UNKNOWN');
  });

  it('is held against the policy by what it is, and by what is in it', async () => {
    await start();
    const policies = {
      'root=unprotected': 'POLICY_DENIED',
      'root=encrypted+ext4': 'POLICY_DENIED',
      'root=encrypted+erofs': 'crypt-device',
    };
    for (const [imagePolicy, expected] of Object.entries(policies)) {
      const source = await sourceOf(disk(), { password, options: { imagePolicy } });
      expect(typeof source === 'string' ? source : source.kind, imagePolicy).toBe(expected);
    }
  });

  it('is refused where there is a hash tree over it: nobody would check that', async () => {
    await start();
    const protectedImage = await makeImage({ data: volume.bytes });
    expect(await sourceOf(bench.write('tree.raw', protectedImage.bytes), { password })).toBe('LUKS_UNSUPPORTED');
  });

  it('ends with its request, and does not hold up the next', async () => {
    await start();
    const request = bench.begin(disk(dear.bytes), { trusted: true, password, uid: 1000 });
    const next = bench.begin(bench.write('bare.raw', volume.bytes), { trusted: true, password, uid: 1001 });
    await bench.until(() => JSON.stringify(bench.status()).includes('"waiting":1'));
    await bench.cancel(request);
    expect((await bench.end(request)).failed?.code).toBe('CANCELLED');
    const { attached } = await bench.end(next);
    expect(attached?.payload.plan.partitions[0]?.source.kind).toBe('crypt-device');
    for (const descriptor of attached?.descriptors ?? []) descriptor.close();
  });

  it('has its password in no log line, no status and no refusal', async () => {
    await start();
    const secret = 'a-secret-that-nobody-else-has';
    const { failed } = await bench.verify(disk(), { trusted: true, password: secret });
    expect(failed?.code).toBe('PASSWORD_WRONG');
    expect(JSON.stringify([failed, bench.status(), bench.mesh.lines])).not.toContain(secret);
  });
});

describe('an encrypted image that nobody stands for', () => {
  it('is denied by the policy, signed or not, and no password is tried', async () => {
    const signer = makeSigner('builder');
    await start({ certificates: [signer.certificate] });
    expect(await sourceOf(disk(), { password, trusted: false })).toBe('POLICY_DENIED');
    const signed = await makeImage({ data: volume.bytes, signer });
    expect(await sourceOf(bench.write('signed.raw', signed.bytes), { password, trusted: false })).toBe('POLICY_DENIED');
    expect(bench.status()).toMatchObject({ passwords: { opened: 0, refused: 0 } });
  });
});

it('an encrypted image that somebody lets in comes as a copy of what is encrypted, and no set-user-ID file of it counts', async () => {
  await start({ askUntrusted: () => Promise.resolve(true) });
  const path = disk();
  const outcome = await bench.verify(path, { password });
  const [partition] = outcome.attached?.payload.plan.partitions ?? [];
  expect(partition).toMatchObject({ fileSystem: 'erofs', noSuid: true, writable: false });
  expect(partition?.source).toMatchObject({ kind: 'crypt-device', offset: 0, size: content.length });
  const [copy] = outcome.attached?.descriptors ?? [];
  if (copy === undefined) throw new Error('there is no copy');
  expect(readFileSync(copy.fd).equals(volume.bytes.subarray(dataOffset))).toBe(true);
  expect(BigInt(statSync(path).ino)).not.toBe(native.describe(copy.fd).inode);
  copy.close();
});

it('an image that is not encrypted is mounted as without a password', async () => {
  await start();
  expect(await sourceOf(bench.write('plain.raw', content), { password })).toMatchObject({ kind: 'file' });
  expect(readFileSync(`${bench.folder}/plain.raw`).equals(content)).toBe(true);
});
