/** aes-xts-plain64, as dm-crypt has it: each sector by itself, its tweak the sector's number in units of 512 bytes. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { PosternError } from '../../mesh/errors.ts';
import { viewOf } from '../bytes.ts';
import { inside, type Reader } from '../reader.ts';
import type { Segment } from './volume.ts';

const unit = 512;
/** The largest piece that is decrypted at a time; superblocks are far smaller. */
const maxRead = 1024 * 1024;

/** A run of sectors. */
export interface Sectors {
  /** 32 bytes (AES-128) or 64 (AES-256) */
  readonly key: Uint8Array;
  readonly sectorSize: number;
  /** of the first, in units of 512 bytes */
  readonly tweak: number;
}

/** Whole sectors, in place. */
export function decryptSectors(data: Uint8Array, sectors: Sectors): void {
  transform(data, sectors, createDecipheriv);
}

/** Whole sectors, in place. */
export function encryptSectors(data: Uint8Array, sectors: Sectors): void {
  transform(data, sectors, createCipheriv);
}

function transform(data: Uint8Array, { key, sectorSize, tweak }: Sectors, create: typeof createCipheriv | typeof createDecipheriv): void {
  const algorithm = key.length === 32 ? 'aes-128-xts' : 'aes-256-xts';
  const iv = new Uint8Array(16);
  for (let offset = 0; offset < data.length; offset += sectorSize) {
    viewOf(iv).setBigUint64(0, BigInt(tweak + offset / unit), true);
    const sector = data.subarray(offset, offset + sectorSize);
    data.set(create(algorithm, key, iv).update(sector), offset);
  }
}

/**
 * The content of an opened segment.
 * @param volume the encrypted volume; the segment lies in it
 * @param key borrowed for as long as the reader is used
 */
export function decryptedReader(volume: Reader, segment: Segment, key: Uint8Array): Reader {
  const { offset: begin, size, sectorSize, tweak } = segment;
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    if (!inside(offset, length, size) || length > maxRead) throw new PosternError('IMAGE_TOO_SHORT');
    const first = offset - (offset % sectorSize);
    const end = Math.ceil((offset + length) / sectorSize) * sectorSize;
    const data = await volume.read(begin + first, end - first);
    decryptSectors(data, { key, sectorSize, tweak: tweak + first / unit });
    return data.subarray(offset - first, offset - first + length);
  };
  return {
    size,
    read,
    async fill(target, offset) {
      target.set(await read(offset, target.length));
    },
  };
}
