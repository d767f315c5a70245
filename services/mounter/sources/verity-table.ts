/** What dm-verity is told, in its own words (the kernel's admin-guide/device-mapper/verity.rst), and the name that its device has. Pure. */
import { createHash } from 'node:crypto';
import { PosternError } from '../../../mesh/errors.ts';
import type { MountSource } from '../../../mesh/protocol.ts';

const sectorBytes = 512;
const hashType = 1;
/** The superblock has the hash device's first block for itself. */
const firstHashBlock = 1;

export type VeritySource = Extract<MountSource, { kind: 'verity-device' }>;

export type VerityTable = Pick<VeritySource, 'dataSize' | 'dataBlockSize' | 'hashBlockSize' | 'algorithm' | 'rootHash' | 'salt'>;

/** Which file a device stands on, for as long as the device has it open. */
export interface FileIdentity {
  readonly device: bigint;
  readonly inode: bigint;
}

/**
 * The device's name: the same for the same files, tree, judges and options, and for nothing else. So mounts share a device by asking for it, and a
 * signature that the kernel has not seen is never covered by one that it has.
 */
export function verityDeviceName(
  prefix: string,
  data: FileIdentity,
  hash: FileIdentity,
  source: VeritySource,
  options: readonly string[],
): string {
  const { descriptor: _data, hashDescriptor: _hash, signature, ...tree } = source;
  const file = ({ device, inode }: FileIdentity) => `${device}:${inode}`;
  const all = JSON.stringify([file(data), file(hash), tree, signature && Buffer.from(signature).toString('base64'), options]);
  return prefix + createHash('sha256').update(all).digest('hex');
}

/** @throws PosternError INTERNAL for what the words of a table can't hold, whatever verity let pass */
export function checkVerityTable({ dataSize, dataBlockSize, hashBlockSize, algorithm, rootHash, salt }: VerityTable): void {
  const sound =
    /^sha(256|512)$/.test(algorithm) &&
    /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/.test(rootHash) &&
    /^(?:[0-9a-f]{2}){0,256}$/.test(salt) &&
    [dataBlockSize, hashBlockSize].every((size) => size >= sectorBytes && Number.isInteger(Math.log2(size))) &&
    dataSize > 0 &&
    dataSize % dataBlockSize === 0;
  if (!sound) throw new PosternError('INTERNAL', 'a hash tree that no table describes');
}

/** The size of the device, in sectors of 512 bytes. */
export function veritySectors({ dataSize }: VerityTable): number {
  return dataSize / sectorBytes;
}

/** @param key description of the key that holds the signature, or null where the kernel is not to judge */
export function verityParameters(table: VerityTable, dataPath: string, hashPath: string, key: string | null): string {
  const { dataSize, dataBlockSize, hashBlockSize, algorithm, rootHash, salt } = table;
  const words = [
    hashType,
    dataPath,
    hashPath,
    dataBlockSize,
    hashBlockSize,
    dataSize / dataBlockSize,
    firstHashBlock,
    algorithm,
    rootHash,
    salt === '' ? '-' : salt,
  ];
  return [...words, ...(key === null ? [] : [2, 'root_hash_sig_key_desc', key])].join(' ');
}
