/** Disk images put together from file systems that other programs made, without hash trees. */
import { readFileSync, writeFileSync } from 'node:fs';
import { layOut } from '../../image/gpt-write.ts';
import { uuidFrom } from '../../image/guid.ts';
import { type Designator, typeOf } from '../../image/partition-types.ts';
import { architecture } from '../image/images.ts';

export interface DiskPart {
  readonly designator: Designator;
  /** the file with its content */
  readonly content: string;
  /** in bytes, where it is to be larger than the content */
  readonly size?: number;
  readonly readOnly?: boolean;
  readonly growFileSystem?: boolean;
}

/** Writes an image. Returns where each part begins. */
export function writeDisk(path: string, parts: readonly DiskPart[]): readonly number[] {
  const contents = parts.map(({ content }) => readFileSync(content));
  const table = layOut(
    uuidFrom(new Uint8Array(16).fill(9)),
    parts.map(({ designator, size, readOnly = false, growFileSystem = false }, index) => ({
      type: typeOf(designator, architecture) ?? '',
      uuid: uuidFrom(new Uint8Array(16).fill(index + 1)),
      label: designator,
      size: size ?? contents[index]?.length ?? 0,
      readOnly,
      growFileSystem,
    })),
  );
  const bytes = new Uint8Array(table.size);
  for (const piece of table.pieces) bytes.set(piece.bytes, piece.offset);
  contents.forEach((content, index) => {
    bytes.set(content, table.offsets[index]);
  });
  writeFileSync(path, bytes);
  return table.offsets;
}
