/** Writes a GUID partition table: what `gpt.ts` reads, from the same facts. */
import { crc32 } from 'node:zlib';
import { roundUp, viewOf } from './bytes.ts';
import { attributeBits, entryBytes, headerBytes } from './gpt.ts';
import { writeGuid } from './guid.ts';

export interface NewPartition {
  readonly type: string;
  readonly uuid: string;
  readonly label: string;
  /** in bytes; rounded up to whole sectors */
  readonly size: number;
  readonly readOnly: boolean;
  readonly growFileSystem: boolean;
}

/** A partition table as the pieces to write, each with its place in the file. */
export interface NewTable {
  /** of the whole image, in bytes */
  readonly size: number;
  /** where each partition starts, in the order given */
  readonly offsets: readonly number[];
  readonly pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
}

const sectorSize = 512;
const entryCount = 128;
/** Partitions start at whole mebibytes: what every tool does, and what lets a file system clone them. */
const alignment = 1024 * 1024;
/** Sectors of the entries. */
const tableSectors = (entryCount * entryBytes) / sectorSize;
const firstUsable = 2 + tableSectors;

/** Lays partitions out one after the other and makes both tables. */
export function layOut(diskUuid: string, partitions: readonly NewPartition[]): NewTable {
  if (partitions.length > entryCount) throw new RangeError('too many partitions');
  let end = alignment;
  const offsets = partitions.map((partition) => {
    const offset = roundUp(end, alignment);
    end = offset + roundUp(partition.size, sectorSize);
    return offset;
  });
  const lastUsable = Math.ceil(roundUp(end, 4096) / sectorSize) - 1;
  const backup = lastUsable + tableSectors + 1;
  const entries = writeEntries(partitions, offsets);
  const entriesCrc = crc32(entries);
  const common = { diskUuid, lastUsable, entriesCrc };
  return {
    size: (backup + 1) * sectorSize,
    offsets,
    pieces: [
      { offset: 0, bytes: protectiveRecord(backup) },
      { offset: sectorSize, bytes: writeHeader({ ...common, lba: 1, alternate: backup, entriesLba: 2 }) },
      { offset: 2 * sectorSize, bytes: entries },
      { offset: (lastUsable + 1) * sectorSize, bytes: entries },
      { offset: backup * sectorSize, bytes: writeHeader({ ...common, lba: backup, alternate: 1, entriesLba: lastUsable + 1 }) },
    ],
  };
}

function writeEntries(partitions: readonly NewPartition[], offsets: readonly number[]): Uint8Array {
  const table = new Uint8Array(entryCount * entryBytes);
  partitions.forEach((partition, index) => {
    const entry = table.subarray(index * entryBytes, (index + 1) * entryBytes);
    const view = viewOf(entry);
    const first = (offsets[index] ?? 0) / sectorSize;
    writeGuid(entry, 0, partition.type);
    writeGuid(entry, 16, partition.uuid);
    view.setBigUint64(32, BigInt(first), true);
    view.setBigUint64(40, BigInt(first + roundUp(partition.size, sectorSize) / sectorSize - 1), true);
    const bits =
      (partition.readOnly ? 1n << attributeBits.readOnly : 0n) | (partition.growFileSystem ? 1n << attributeBits.growFileSystem : 0n);
    view.setBigUint64(48, bits, true);
    for (let unit = 0; unit < Math.min(36, partition.label.length); unit++)
      view.setUint16(56 + 2 * unit, partition.label.charCodeAt(unit), true);
  });
  return table;
}

interface HeaderFacts {
  readonly diskUuid: string;
  readonly lastUsable: number;
  readonly entriesCrc: number;
  readonly lba: number;
  readonly alternate: number;
  readonly entriesLba: number;
}

function writeHeader(facts: HeaderFacts): Uint8Array {
  const header = new Uint8Array(sectorSize);
  const view = viewOf(header);
  header.set(Buffer.from('EFI PART', 'latin1'));
  view.setUint32(8, 0x0001_0000, true);
  view.setUint32(12, headerBytes, true);
  view.setBigUint64(24, BigInt(facts.lba), true);
  view.setBigUint64(32, BigInt(facts.alternate), true);
  view.setBigUint64(40, BigInt(firstUsable), true);
  view.setBigUint64(48, BigInt(facts.lastUsable), true);
  writeGuid(header, 56, facts.diskUuid);
  view.setBigUint64(72, BigInt(facts.entriesLba), true);
  view.setUint32(80, entryCount, true);
  view.setUint32(84, entryBytes, true);
  view.setUint32(88, facts.entriesCrc, true);
  view.setUint32(16, crc32(header.subarray(0, headerBytes)), true);
  return header;
}

/** The record in the first sector that tells tools without GPT that the whole disk is taken. */
function protectiveRecord(lastLba: number): Uint8Array {
  const sector = new Uint8Array(sectorSize);
  const view = viewOf(sector);
  // Cylinder, head and sector of 1 and of "too far to say", as UEFI 2.10 table 5.4 has them.
  sector.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  view.setUint32(454, 1, true);
  view.setUint32(458, Math.min(lastLba, 0xffff_ffff), true);
  sector.set([0x55, 0xaa], 510);
  return sector;
}
