/**
 * The GUID partition table (UEFI 2.10, chapter 5), read from bytes that a stranger wrote. The primary table counts while it is
 * sound, else the backup; a table that is sound but speaks of more than the image has is refused, and so are absurd counts.
 */
import { crc32 } from 'node:zlib';
import { PosternError } from '../mesh/errors.ts';
import { getUint64, viewOf } from './bytes.ts';
import { nilGuid, readGuid } from './guid.ts';
import type { Reader } from './reader.ts';

/** What UEFI demands room for is 128; the mesh carries numbers up to 1024. */
export const maxEntries = 1024;
/** Entries are 128 × 2ⁿ bytes; nothing is known to use more than one such. */
const maxEntryBytes = 4096;
export const entryBytes = 128;
export const headerBytes = 92;
/** The logical sector sizes of disks, in the order in which they are tried. */
export const sectorSizes = [512, 4096] as const;
/** A table larger than this in front of the first partition is read in more than one piece: entries × their size, at most. */
const maxTableBytes = 1024 * 1024;

export interface Partition {
  /** counted from 1, as in /dev/sdaN */
  readonly number: number;
  /** type GUID, lower case */
  readonly type: string;
  readonly uuid: string;
  readonly label: string;
  /** in bytes */
  readonly offset: number;
  readonly size: number;
  readonly growFileSystem: boolean;
  readonly readOnly: boolean;
  /** not to be used without being asked for by name */
  readonly noAuto: boolean;
}

export interface PartitionTable {
  readonly sectorSize: number;
  readonly uuid: string;
  readonly source: 'primary' | 'backup';
  readonly partitions: readonly Partition[];
}

/** Bits of the attribute field, by number. Those from 48 on belong to the partition type; these are those of discoverable partitions. */
export const attributeBits = { growFileSystem: 59n, readOnly: 60n, noAuto: 63n } as const;

interface Header {
  readonly alternate: number;
  readonly firstUsable: number;
  readonly lastUsable: number;
  readonly uuid: string;
  readonly entriesLba: number;
  readonly entryCount: number;
  readonly entrySize: number;
  readonly entriesCrc: number;
}

/** A broken table, with the reason; never leaves this file. */
class Broken {
  constructor(readonly reason: string) {}
}

/**
 * Reads the partition table of an image. `undefined` where there is no sign of one.
 * @throws PosternError TABLE_BROKEN, TABLE_ENTRIES, IMAGE_TOO_SHORT, PARTITION_BOUNDS, PARTITION_OVERLAP
 */
export async function readPartitionTable(reader: Reader): Promise<PartitionTable | undefined> {
  if (reader.size < 512) return undefined;
  const protective = isProtective(await reader.read(0, 512));
  const reasons: string[] = [];
  for (const sectorSize of sectorSizes) {
    if (reader.size < 3 * sectorSize) continue;
    if (!hasSignature(await reader.read(sectorSize, 8))) continue;
    if (!protective) throw new PosternError('TABLE_BROKEN', 'no protective record in the first sector');
    const primary = await attempt(() => readTable(reader, sectorSize, 1, 'primary'));
    if (!(primary instanceof Broken)) return primary;
    reasons.push(`primary: ${primary.reason}`);
  }
  if (!protective) return undefined;
  for (const sectorSize of sectorSizes) {
    const last = Math.floor(reader.size / sectorSize) - 1;
    if (last < 2) continue;
    if (!hasSignature(await reader.read(last * sectorSize, 8))) continue;
    const backup = await attempt(() => readTable(reader, sectorSize, last, 'backup'));
    if (!(backup instanceof Broken)) return backup;
    reasons.push(`backup: ${backup.reason}`);
  }
  throw new PosternError('TABLE_BROKEN', reasons.length === 0 ? 'no header found' : reasons.join('; '));
}

async function attempt(read: () => Promise<PartitionTable>): Promise<PartitionTable | Broken> {
  try {
    return await read();
  } catch (thrown) {
    if (thrown instanceof Broken) return thrown;
    throw thrown;
  }
}

async function readTable(reader: Reader, sectorSize: number, lba: number, source: 'primary' | 'backup'): Promise<PartitionTable> {
  const sectors = Math.floor(reader.size / sectorSize);
  const header = parseHeader(await reader.read(lba * sectorSize, sectorSize), lba);
  checkGeometry(header, lba, sectors, sectorSize, source);
  const table = await reader.read(header.entriesLba * sectorSize, header.entryCount * header.entrySize);
  if (crc32(table) !== header.entriesCrc) throw new Broken('the checksum of the entries is wrong');
  return { sectorSize, uuid: header.uuid, source, partitions: parseEntries(table, header, sectorSize) };
}

/** A header's fields, once its signature, size, checksum and place are right. */
function parseHeader(sector: Uint8Array, lba: number): Header {
  const view = viewOf(sector);
  if (!hasSignature(sector)) throw new Broken('no signature');
  const entryCount = view.getUint32(80, true);
  const entrySize = view.getUint32(84, true);
  // Before the checksum: a count like this is an attack or a wreck, and neither deserves a second chance from the backup.
  if (entryCount > maxEntries) throw new PosternError('TABLE_ENTRIES', `${entryCount} entries`);
  if (view.getUint32(8, true) !== 0x0001_0000) throw new Broken('unknown revision');
  const size = view.getUint32(12, true);
  if (size < headerBytes || size > sector.length) throw new Broken('impossible header size');
  const summed = sector.slice(0, size);
  summed.fill(0, 16, 20);
  if (crc32(summed) !== view.getUint32(16, true)) throw new Broken('the checksum of the header is wrong');
  if (getUint64(view, 24) !== lba) throw new Broken('the header belongs elsewhere');
  if (entryCount === 0) throw new PosternError('TABLE_ENTRIES', 'no entries');
  const multiple = entrySize / entryBytes;
  if (entrySize > maxEntryBytes || !Number.isInteger(Math.log2(multiple)) || entryCount * entrySize > maxTableBytes)
    throw new PosternError('TABLE_ENTRIES', `entries of ${entrySize} bytes`);
  return {
    alternate: getUint64(view, 32),
    firstUsable: getUint64(view, 40),
    lastUsable: getUint64(view, 48),
    uuid: readGuid(sector, 56),
    entriesLba: getUint64(view, 72),
    entryCount,
    entrySize,
    entriesCrc: view.getUint32(88, true),
  };
}

/** Where the header says that things lie: everything inside the image, nothing on top of another. */
function checkGeometry(header: Header, lba: number, sectors: number, sectorSize: number, source: 'primary' | 'backup'): void {
  if (header.lastUsable >= sectors || header.alternate >= sectors)
    throw new PosternError(
      'IMAGE_TOO_SHORT',
      `it has ${sectors} sectors, the table speaks of ${Math.max(header.lastUsable, header.alternate) + 1}`,
    );
  if (header.firstUsable > header.lastUsable + 1) throw new Broken('no usable sectors');
  const entriesEnd = header.entriesLba + Math.ceil((header.entryCount * header.entrySize) / sectorSize);
  const sound =
    source === 'primary'
      ? header.entriesLba > lba && entriesEnd <= header.firstUsable
      : header.entriesLba > header.lastUsable && entriesEnd <= lba && header.firstUsable > 1;
  if (!sound) throw new Broken('the entries lie where they may not');
}

function parseEntries(table: Uint8Array, header: Header, sectorSize: number): Partition[] {
  const partitions: Partition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const entry = table.subarray(index * header.entrySize, (index + 1) * header.entrySize);
    const type = readGuid(entry, 0);
    if (type === nilGuid) continue;
    partitions.push(parseEntry(entry, type, index + 1, header, sectorSize));
  }
  const sorted = partitions.toSorted((a, b) => a.offset - b.offset);
  sorted.forEach((partition, index) => {
    const next = sorted[index + 1];
    if (next !== undefined && partition.offset + partition.size > next.offset)
      throw new PosternError('PARTITION_OVERLAP', `${partition.number} and ${next.number}`);
  });
  return partitions;
}

function parseEntry(entry: Uint8Array, type: string, number: number, header: Header, sectorSize: number): Partition {
  const view = viewOf(entry);
  const first = getUint64(view, 32);
  const last = getUint64(view, 40);
  if (first < header.firstUsable || last > header.lastUsable || first > last)
    throw new PosternError('PARTITION_BOUNDS', `partition ${number}: sectors ${first} to ${last}`);
  const attributes = view.getBigUint64(48, true);
  const has = (bit: bigint) => ((attributes >> bit) & 1n) === 1n;
  return {
    number,
    type,
    uuid: readGuid(entry, 16),
    label: parseLabel(view),
    offset: first * sectorSize,
    size: (last - first + 1) * sectorSize,
    growFileSystem: has(attributeBits.growFileSystem),
    readOnly: has(attributeBits.readOnly),
    noAuto: has(attributeBits.noAuto),
  };
}

/** 36 UTF-16 units, ended by NUL; half a surrogate pair becomes the replacement character. */
function parseLabel(view: DataView): string {
  let label = '';
  for (let unit = 0; unit < 36; unit++) {
    const code = view.getUint16(56 + 2 * unit, true);
    if (code === 0) break;
    label += String.fromCharCode(code);
  }
  return label.replace(/\p{Surrogate}/gu, '\ufffd');
}

function hasSignature(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 8)).toString('latin1') === 'EFI PART';
}

/** A master boot record whose only purpose is to say that the disk is in use: one of its four entries is of type 0xee. */
function isProtective(sector: Uint8Array): boolean {
  if (sector[510] !== 0x55 || sector[511] !== 0xaa) return false;
  return [0, 1, 2, 3].some((entry) => sector[446 + 16 * entry + 4] === 0xee);
}
