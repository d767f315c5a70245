/** Changes a partition table in place, both copies, and makes their checksums right again: the lie of someone who knows how. */
import { crc32 } from 'node:zlib';
import { writeGuid } from '../../image/guid.ts';

const sector = 512;

export interface TableView {
  readonly header: DataView;
  /** all entries; 128 bytes each, partition N at (N - 1) * 128 */
  readonly entries: Uint8Array;
}

/** Applies a change to both tables of an image made by `makeImage`. */
export function editTables(image: Uint8Array, edit: (table: TableView) => void): Uint8Array {
  const copy = Uint8Array.from(image);
  const view = new DataView(copy.buffer);
  const backup = Number(view.getBigUint64(sector + 32, true)) * sector;
  for (const place of [sector, backup]) {
    const header = new DataView(copy.buffer, place, sector);
    const entriesAt = Number(header.getBigUint64(72, true)) * sector;
    const entries = copy.subarray(entriesAt, entriesAt + 128 * 128);
    edit({ header, entries });
    header.setUint32(88, crc32(entries), true);
    seal(copy.subarray(place, place + sector));
  }
  return copy;
}

/** Makes a header's own checksum right. */
export function seal(header: Uint8Array): void {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  view.setUint32(16, 0, true);
  view.setUint32(16, crc32(header.subarray(0, 92)), true);
}

/** One entry of a table. */
export function entryOf({ entries }: TableView, number: number) {
  const bytes = entries.subarray((number - 1) * 128, number * 128);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    bytes,
    setType: (guid: string) => writeGuid(bytes, 0, guid),
    get first() {
      return Number(view.getBigUint64(32, true));
    },
    set first(lba: number) {
      view.setBigUint64(32, BigInt(lba), true);
    },
    get last() {
      return Number(view.getBigUint64(40, true));
    },
    set last(lba: number) {
      view.setBigUint64(40, BigInt(lba), true);
    },
    setAttribute: (bit: bigint) => view.setBigUint64(48, view.getBigUint64(48, true) | (1n << bit), true),
    erase: () => bytes.fill(0),
  };
}
