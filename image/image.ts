/**
 * What an image is, from its first bytes to the plan of what could be mounted: the partition table or the bare file system, its
 * file systems, root and usr with their hash trees and signature documents. Nothing is decided about trust here, and nothing large is read.
 */
import { PosternError } from '../mesh/errors.ts';
import { fromHex, toHex } from './bytes.ts';
import { discover, type FoundPartition, type ProtectedPartition } from './discoverable.ts';
import { type PartitionTable, readPartitionTable } from './gpt.ts';
import { uuidText } from './guid.ts';
import { type Architecture, type Designator, type MountedDesignator, mountedDesignators } from './partition-types.ts';
import { type Reader, section, withFront } from './reader.ts';
import {
  maxSignaturePartition,
  parseRootHash,
  parseSignature,
  parseSignaturePartition,
  type SignatureDocument,
} from './signature-document.ts';
import { detectFileSystem, type Superblock } from './superblock.ts';
import { parseVeritySuperblock, type VeritySuperblock, veritySuperblockBytes } from './verity-superblock.ts';
import { digestBytes } from './verity-tree.ts';

/** One read in front: protective record, header and entries of a table, and the superblock of a bare file system. */
const frontBytes = 64 * 1024;

/** A file system of the image with whatever protects it. */
export interface ImageFileSystem {
  readonly designator: MountedDesignator;
  /** its partition; undefined for an image that is nothing but the file system */
  readonly partition: FoundPartition | undefined;
  readonly architecture: Architecture | null;
  /** in the image, in bytes */
  readonly offset: number;
  readonly size: number;
  /** as its bytes said at this moment; who mounts must ask the bytes that are mounted */
  readonly superblock: Superblock | undefined;
  readonly verity: Verity | undefined;
  /** of the hash tree: as it was signed or passed, else as the partitions bear it for their UUIDs */
  readonly rootHash: Uint8Array | undefined;
  readonly document: SignatureDocument | undefined;
}

/** A hash tree. */
export interface Verity {
  readonly superblock: VeritySuperblock;
  /** where the hash device lies: in the image itself, or in a file beside it */
  readonly place: 'image' | 'sidecar';
  readonly offset: number;
  readonly size: number;
}

export interface Image {
  readonly size: number;
  readonly sectorSize: number;
  readonly table: PartitionTable | undefined;
  readonly fileSystems: readonly ImageFileSystem[];
  /** the first partition of each role that is never mounted */
  readonly others: ReadonlyMap<Designator, FoundPartition>;
}

/** What a caller passes beside the image: hash device, root hash (hex) and signature (base64). */
export interface Sidecar {
  readonly device: Reader | undefined;
  readonly rootHash: string | null;
  readonly signature: string | null;
}

/**
 * Reads what an image is.
 * @param architecture the machine's own: partitions of others don't count
 * @throws PosternError of the image's part of the catalogue
 */
export async function readImage(image: Reader, architecture: Architecture, sidecar?: Sidecar): Promise<Image> {
  const reader = await withFront(image, frontBytes);
  const table = await readPartitionTable(reader);
  const given = givenHash(sidecar);
  if (table === undefined) return bareImage(reader, sidecar?.device, given);
  const { root, usr, others } = discover(table.partitions, architecture);
  const fileSystems = await Promise.all(
    mountedDesignators.flatMap((designator) => {
      const data = others.get(designator);
      if (designator === 'root') return root === undefined ? [] : [protectedFileSystem(reader, root, designator, given)];
      if (designator === 'usr') return usr === undefined ? [] : [protectedFileSystem(reader, usr, designator, undefined)];
      if (data === undefined) return [];
      return [protectedFileSystem(reader, { data, verity: undefined, signature: undefined }, designator, undefined)];
    }),
  );
  const neverMounted = new Map([...others].filter(([designator]) => !mountedDesignators.some((mounted) => mounted === designator)));
  return { size: image.size, sectorSize: table.sectorSize, table, fileSystems, others: neverMounted };
}

/** What came beside the image about its hash tree. */
interface GivenHash {
  readonly rootHash: Uint8Array;
  readonly document: SignatureDocument | undefined;
}

async function bareImage(reader: Reader, device: Reader | undefined, given: GivenHash | undefined): Promise<Image> {
  const superblock = await detectFileSystem(reader);
  if (superblock === undefined) throw new PosternError('IMAGE_NOT_RECOGNISED');
  const verity = device && (await readVerity(device, 'sidecar', 0, device.size));
  if (verity !== undefined) checkFits(verity, reader.size);
  const root: ImageFileSystem = {
    designator: 'root',
    partition: undefined,
    architecture: null,
    offset: 0,
    size: reader.size,
    superblock,
    verity,
    rootHash: given?.rootHash,
    document: given?.document,
  };
  return { size: reader.size, sectorSize: 512, table: undefined, fileSystems: [root], others: new Map() };
}

async function protectedFileSystem(
  reader: Reader,
  found: ProtectedPartition,
  designator: MountedDesignator,
  given: GivenHash | undefined,
): Promise<ImageFileSystem> {
  const { data, verity, signature } = found;
  const [superblock, tree, document] = await Promise.all([
    detectFileSystem(section(reader, data.offset, data.size)),
    verity && readVerity(section(reader, verity.offset, verity.size), 'image', verity.offset, verity.size),
    given === undefined ? signature && readDocument(section(reader, signature.offset, signature.size)) : given.document,
  ]);
  if (tree !== undefined) checkFits(tree, data.size);
  if (document !== undefined && verity !== undefined) checkBelongs(document, data, verity);
  return {
    designator,
    partition: data,
    architecture: data.architecture,
    offset: data.offset,
    size: data.size,
    superblock,
    verity: tree,
    rootHash: document?.rootHash ?? given?.rootHash ?? (verity && tree && hashByName(data, verity, tree)),
    document,
  };
}

/** Partitions bear the halves of the root hash as their UUIDs (Discoverable Partitions Specification); of a longer hash that is not all. */
function hashByName(data: FoundPartition, verity: FoundPartition, { superblock }: Verity): Uint8Array | undefined {
  if (digestBytes(superblock.algorithm) !== 32) return undefined;
  return fromHex(`${data.uuid}${verity.uuid}`.replaceAll('-', ''));
}

async function readVerity(device: Reader, place: Verity['place'], offset: number, size: number): Promise<Verity> {
  if (size < veritySuperblockBytes) throw new PosternError('VERITY_SUPERBLOCK', 'too short');
  return { superblock: parseVeritySuperblock(await device.read(0, veritySuperblockBytes)), place, offset, size };
}

async function readDocument(partition: Reader): Promise<SignatureDocument> {
  if (partition.size > maxSignaturePartition) throw new PosternError('SIGNATURE_DOCUMENT', 'larger than 4 MiB');
  return parseSignaturePartition(await partition.read(0, partition.size));
}

function checkFits(verity: Verity, dataSize: number): void {
  const { dataBlocks, dataBlockSize } = verity.superblock;
  if (dataBlocks * dataBlockSize > dataSize) throw new PosternError('VERITY_SUPERBLOCK', 'it speaks of more data than there is');
}

/** A document is of this image when the partitions bear the root hash's halves as their UUIDs (Discoverable Partitions Specification). */
function checkBelongs(document: SignatureDocument, data: FoundPartition, verity: FoundPartition): void {
  const { rootHash } = document;
  if (uuidText(rootHash.subarray(0, 16)) === data.uuid && uuidText(rootHash.subarray(-16)) === verity.uuid) return;
  throw new PosternError('SIGNATURE_OTHER_IMAGE', `it signs ${toHex(rootHash.subarray(0, 8))}…, partition ${data.number} is ${data.uuid}`);
}

function givenHash(sidecar: Sidecar | undefined): GivenHash | undefined {
  if (sidecar === undefined || sidecar.rootHash === null) {
    if (sidecar?.device !== undefined || (sidecar?.signature ?? null) !== null)
      throw new PosternError('INVALID_PARAMETER', 'hash device and signature need a root hash', 'verityRootHash');
    return undefined;
  }
  if (sidecar.signature === null) return { rootHash: parameter(() => parseRootHash(sidecar.rootHash ?? '')), document: undefined };
  const document = givenSignature(sidecar.rootHash, sidecar.signature);
  return { rootHash: document.rootHash, document };
}

/**
 * A hash (hex) and its signature (base64) that came beside the image.
 * @throws PosternError SIGNATURE_MISSING, INVALID_PARAMETER
 */
export function givenSignature(rootHash: string, signature: string | null): SignatureDocument {
  if (signature === null) throw new PosternError('SIGNATURE_MISSING', 'a root hash was passed without its signature');
  return parameter(() => ({ rootHash: parseRootHash(rootHash), signature: parseSignature(signature), certificateFingerprint: undefined }));
}

/** What is wrong with a field of a document is, of what came beside the image, wrong with the parameter. */
function parameter<T>(parse: () => T): T {
  try {
    return parse();
  } catch (thrown) {
    if (!(thrown instanceof PosternError)) throw thrown;
    const parameter = thrown.detail.startsWith('rootHash') ? 'verityRootHash' : 'verityRootHashSignature';
    throw new PosternError('INVALID_PARAMETER', thrown.detail, parameter);
  }
}

/** Where a file system's hash device is read. */
export function hashDevice(verity: Verity, image: Reader, sidecar: Reader | undefined): Reader {
  const reader = verity.place === 'image' ? image : sidecar;
  if (reader === undefined) throw new PosternError('INVALID_PARAMETER', 'no hash device', 'verityDataFileDescriptor');
  return section(reader, verity.offset, verity.size);
}

/** How much data a hash tree protects, in bytes: that is what is mounted, not the partition's padding. */
export function protectedSize(verity: Verity): number {
  return verity.superblock.dataBlocks * verity.superblock.dataBlockSize;
}
