/** Puts a signed discoverable disk image together: a data partition, its hash tree, and the signature over the tree's root. */
import { layOut } from './gpt-write.ts';
import { uuidText } from './guid.ts';
import { type Architecture, type Designator, type ProtectedDesignator, typeOf } from './partition-types.ts';
import { type SignatureDocument, writeSignaturePartition } from './signature-document.ts';
import type { BuiltTree } from './verity-build.ts';

/** One file system of a new image. */
export interface NewFileSystem {
  readonly designator: ProtectedDesignator;
  /** the data partition's name, for people; at most 36 characters */
  readonly label: string;
  /** in bytes, whole data blocks */
  readonly dataSize: number;
  readonly tree: BuiltTree;
  /** none for an image that is only to be protected, not vouched for */
  readonly document: SignatureDocument | undefined;
  /** of the signature partition, which has no hash to be named by */
  readonly signatureUuid: string;
}

export interface NewImage {
  readonly size: number;
  /** everything but the data */
  readonly pieces: readonly { readonly offset: number; readonly bytes: Uint8Array }[];
  /** where the data of each file system belongs, in their order */
  readonly dataOffsets: readonly number[];
}

/** The image, as what to write where. */
export function composeImage(architecture: Architecture, diskUuid: string, fileSystems: readonly NewFileSystem[]): NewImage {
  const contents = fileSystems.flatMap((fileSystem) => partitionsOf(fileSystem));
  const table = layOut(
    diskUuid,
    contents.map(({ designator, label, uuid, size }) => ({
      type: requiredType(designator, architecture),
      uuid,
      label,
      size,
      readOnly: true,
      growFileSystem: false,
    })),
  );
  const dataOffsets: number[] = [];
  const pieces = [...table.pieces];
  contents.forEach(({ bytes }, index) => {
    const offset = table.offsets[index] ?? 0;
    if (bytes === undefined) dataOffsets.push(offset);
    else pieces.push({ offset, bytes });
  });
  return { size: table.size, pieces, dataOffsets };
}

interface Content {
  readonly designator: Designator;
  readonly label: string;
  readonly uuid: string;
  readonly size: number;
  /** undefined for the data */
  readonly bytes: Uint8Array | undefined;
}

function partitionsOf({ designator, label, dataSize, tree, document, signatureUuid }: NewFileSystem): Content[] {
  const contents: Content[] = [
    { designator, label, uuid: uuidText(tree.rootHash.subarray(0, 16)), size: dataSize, bytes: undefined },
    {
      designator: `${designator}-verity`,
      label: `${designator}-verity`,
      uuid: uuidText(tree.rootHash.subarray(-16)),
      size: tree.device.length,
      bytes: tree.device,
    },
  ];
  if (document !== undefined) {
    const bytes = writeSignaturePartition(document);
    contents.push({
      designator: `${designator}-verity-sig`,
      label: `${designator}-verity-sig`,
      uuid: signatureUuid,
      size: bytes.length,
      bytes,
    });
  }
  return contents;
}

function requiredType(designator: Designator, architecture: Architecture): string {
  const type = typeOf(designator, architecture);
  if (type === undefined) throw new RangeError(`no partition type for ${designator} on ${architecture}`);
  return type;
}
