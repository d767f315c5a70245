/** LUKS volumes as cryptsetup makes them, with content that our own cipher put in: what dm-crypt makes of that the lab shows. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encryptSectors } from '../../image/luks/xts.ts';

/** Two headers of 16 KiB and room for three keyslots, in sectors of 512 bytes. */
const dataSectors = 2048;
export const dataOffset = dataSectors * 512;
export const headerSize = 16384;
/** The same of LUKS1: its header and room for all of its eight keyslots. */
const dataSectors1 = 4096;
export const dataOffset1 = dataSectors1 * 512;
const binaryBytes = 4096;

/** Quick ones: what they cost is not what is tested. */
export const derivations = {
  pbkdf2: ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'],
  argon2id: ['--pbkdf', 'argon2id', '--pbkdf-force-iterations', '4', '--pbkdf-memory', '64', '--pbkdf-parallel', '4'],
  argon2i: ['--pbkdf', 'argon2i', '--pbkdf-force-iterations', '4', '--pbkdf-memory', '64', '--pbkdf-parallel', '1'],
} as const;

const formats = {
  1: ['--type', 'luks1', '--offset', `${dataSectors1}`],
  2: ['--type', 'luks2', '--luks2-metadata-size', '16k', '--luks2-keyslots-size', '800k', '--offset', `${dataSectors}`],
} as const;

export interface VolumeOptions {
  /** of LUKS; the first has neither Argon2 nor larger sectors */
  readonly version?: 1 | 2;
  readonly password: string;
  readonly content: Uint8Array;
  readonly derivation?: keyof typeof derivations;
  readonly sectorSize?: number;
  /** of the volume key, in bits */
  readonly keyBits?: number;
  /** of further keyslots, made with PBKDF2 */
  readonly morePasswords?: readonly string[];
  readonly arguments?: readonly string[];
}

export interface Volume {
  readonly bytes: Uint8Array;
  readonly key: Uint8Array;
}

/** @throws where cryptsetup refuses */
export function makeVolume(options: VolumeOptions): Volume {
  const { version = 2, password, content, derivation = 'pbkdf2', sectorSize = 512, keyBits = 512, morePasswords = [] } = options;
  const begin = version === 1 ? dataOffset1 : dataOffset;
  const folder = mkdtempSync(join(tmpdir(), 'postern-luks-'));
  try {
    const [image, keyFile, passwordFile, nextFile] = ['image', 'key', 'password', 'next'].map((name) => join(folder, name));
    if (!image || !keyFile || !passwordFile || !nextFile) throw new Error('no names');
    const key = randomBytes(keyBits / 8);
    writeFileSync(keyFile, key);
    writeFileSync(passwordFile, password);
    writeFileSync(image, '');
    truncateSync(image, begin + content.length);
    const cryptsetup = (...args: readonly string[]) => execFileSync('cryptsetup', ['--batch-mode', ...args], { stdio: 'pipe' });
    cryptsetup(
      ...['luksFormat', '--key-size', `${keyBits}`, '--volume-key-file', keyFile, ...formats[version], '--sector-size', `${sectorSize}`],
      ...[...derivations[derivation], ...(options.arguments ?? []), image, passwordFile],
    );
    for (const more of morePasswords) {
      writeFileSync(nextFile, more);
      cryptsetup('luksAddKey', ...derivations.pbkdf2, '--key-file', passwordFile, image, nextFile);
    }
    const bytes = new Uint8Array(readFileSync(image));
    const data = content.slice();
    encryptSectors(data, { key, sectorSize, tweak: 0 });
    bytes.set(data, begin);
    return { bytes, key };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The volume with some of its metadata changed in both copies, checksums and all; `undefined` takes a field away. */
export function withFields(volume: Uint8Array, fields: Readonly<Record<string, unknown>>): Uint8Array {
  let json = metadataOf(volume);
  for (const [path, value] of Object.entries(fields)) json = put(json, path.split('.'), value);
  return withText(volume, JSON.stringify(json));
}

export function metadataOf(volume: Uint8Array): unknown {
  return JSON.parse(Buffer.from(volume.subarray(binaryBytes, headerSize)).toString().replace(/\0+$/, ''));
}

function put(node: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(node)) return node.map((inner: unknown, index) => (key === `${index}` ? put(inner, rest, value) : inner));
  const fields: Record<string, unknown> = typeof node === 'object' && node !== null ? { ...node } : {};
  return { ...fields, [key]: put(fields[key], rest, value) };
}

/** Where every field is. */
export function paths(node: unknown, path = ''): string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, inner]) => [`${path}${key}`, ...paths(inner, `${path}${key}.`)]);
}

/** The volume with other metadata. */
export function withText(volume: Uint8Array, text: string): Uint8Array {
  const bytes = volume.slice();
  for (const offset of [0, headerSize]) {
    bytes.fill(0, offset + binaryBytes, offset + headerSize);
    bytes.set(Buffer.from(text).subarray(0, headerSize - binaryBytes), offset + binaryBytes);
    sealHeader(bytes, offset);
  }
  return bytes;
}

/** Makes the checksum of the header there fit. */
export function sealHeader(bytes: Uint8Array, offset: number): void {
  const header = bytes.subarray(offset, offset + headerSize);
  header.fill(0, 448, 512);
  header.set(createHash('sha256').update(header).digest(), 448);
}
