/** What dm-crypt is told, in its own words (the kernel's admin-guide/device-mapper/dm-crypt.rst), and the name that its device has. Pure. */
import { createHash } from 'node:crypto';
import { PosternError } from '../../../mesh/errors.ts';
import type { MountSource } from '../../../mesh/protocol.ts';
import type { FileIdentity } from './verity-table.ts';

const unit = 512;
const cipher = 'aes-xts-plain64';
/** AES-128 and AES-256, each with as much again for the tweak. */
const keySizes: readonly number[] = [32, 64];

export type CryptSource = Extract<MountSource, { kind: 'crypt-device' }>;

export type CryptTable = Pick<CryptSource, 'size' | 'sectorSize' | 'tweak'>;

/**
 * The device's name: the same for the same part of the same file under the same key, and for nothing else. So who shares a device has the
 * key that it was made with, or a password that gives it. A key is random, so that its digest says nothing about it.
 */
export function cryptDeviceName(prefix: string, { device, inode }: FileIdentity, source: CryptSource): string {
  const { offset, size, sectorSize, tweak, key } = source;
  const digest = createHash('sha256').update(JSON.stringify([`${device}:${inode}`, offset, size, sectorSize, tweak]));
  return prefix + digest.update(key).digest('hex');
}

/** @throws PosternError INTERNAL for what the words of a table can't hold, whatever verity let pass */
export function checkCryptTable({ size, sectorSize, tweak, key }: CryptSource): void {
  const sound =
    keySizes.includes(key.length) &&
    sectorSize >= unit &&
    sectorSize <= 4096 &&
    Number.isInteger(Math.log2(sectorSize)) &&
    size > 0 &&
    size % sectorSize === 0 &&
    Number.isSafeInteger(tweak);
  if (!sound) throw new PosternError('INTERNAL', 'an encrypted volume that no table describes');
}

/** The size of the device, in sectors of 512 bytes. */
export function cryptSectors({ size }: CryptTable): number {
  return size / unit;
}

/** How the kernel's keyring knows a device's key; a `logon` key must have a word before a colon. */
export function keyName(device: string): string {
  return `postern:${device}`;
}

export function cryptParameters(
  { sectorSize, tweak }: CryptTable,
  path: string,
  key: { readonly name: string; readonly size: number },
): string {
  const words = [cipher, `:${key.size}:logon:${keyName(key.name)}`, tweak, path, 0];
  return [...words, ...(sectorSize === unit ? [] : [1, `sector_size:${sectorSize}`])].join(' ');
}
