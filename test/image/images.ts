/** Images made for tests: small, signed, and easy to damage in one place. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { composeImage } from '../../image/compose.ts';
import { uuidFrom } from '../../image/guid.ts';
import { type Architecture, architectureOf, type ProtectedDesignator } from '../../image/partition-types.ts';
import { memoryReader } from '../../image/reader.ts';
import { type SignatureDocument, signedContent } from '../../image/signature-document.ts';
import { buildTree } from '../../image/verity-build.ts';
import type { HashBlocks } from '../../image/verity-check.ts';
import type { VerityAlgorithm, VeritySuperblock } from '../../image/verity-superblock.ts';
import { native } from '../../native/index.ts';

export const architecture: Architecture = architectureOf(process.arch) ?? 'x86-64';

/** The hash without the addon: what the addon's is compared with. */
export const plainHash: HashBlocks = async (data, { algorithm, salt, blockSize }) => {
  const digests: Buffer[] = [];
  for (let offset = 0; offset < data.length; offset += blockSize)
    digests.push(
      createHash(algorithm)
        .update(salt)
        .update(data.subarray(offset, offset + blockSize))
        .digest(),
    );
  return Buffer.concat(digests);
};

export interface Signer {
  readonly key: string;
  readonly certificate: string;
}

/** A key and its self-signed certificate. */
export function makeSigner(name: string): Signer {
  const folder = mkdtempSync(join(tmpdir(), 'postern-signer-'));
  try {
    const [key, certificate] = [join(folder, 'key'), join(folder, 'crt')];
    const subject = ['-subj', `/CN=${name}`, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key, 'latin1'), certificate: readFileSync(certificate, 'latin1') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes that never repeat, the same for the same seed, with an erofs superblock so that they count as a file system. */
export function fakeFileSystem(size: number, seed = 1): Uint8Array {
  const data = new Uint8Array(size);
  const words = new Uint32Array(data.buffer);
  let state = seed * 2654435761;
  for (let index = 0; index < words.length; index++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    words[index] = state;
  }
  const view = new DataView(data.buffer);
  data.fill(0, 0, 1024);
  view.setUint32(1024, 0xe0f5_e1e2, true);
  view.setUint8(1024 + 12, 12);
  view.setUint32(1024 + 36, size / 4096, true);
  return data;
}

export interface ImageOptions {
  readonly data: Uint8Array;
  readonly signer?: Signer | undefined;
  readonly designator?: ProtectedDesignator;
  readonly algorithm?: VerityAlgorithm;
  readonly dataBlockSize?: number;
  readonly hashBlockSize?: number;
  readonly salt?: Uint8Array;
  /** takes the document's place after it was made */
  readonly document?: (made: SignatureDocument) => SignatureDocument;
}

export interface MadeImage {
  readonly bytes: Uint8Array;
  readonly rootHash: Uint8Array;
  readonly dataOffset: number;
  /** the hash device: superblock and tree */
  readonly device: Uint8Array;
  readonly document: SignatureDocument | undefined;
}

/** A signed image of one file system, all in memory. */
export async function makeImage(options: ImageOptions): Promise<MadeImage> {
  const { data, signer, designator = 'root', dataBlockSize = 4096, hashBlockSize = 4096 } = options;
  const superblock: VeritySuperblock = {
    uuid: '11111111-2222-4333-8444-555555555555',
    algorithm: options.algorithm ?? 'sha256',
    salt: options.salt ?? new Uint8Array(32).fill(7),
    dataBlockSize,
    hashBlockSize,
    dataBlocks: data.length / dataBlockSize,
  };
  const tree = await buildTree(memoryReader(data), superblock, native.hashBlocks);
  const made = signer && signDocument(tree.rootHash, signer);
  const document = made && (options.document?.(made) ?? made);
  const signatureUuid = uuidFrom(new Uint8Array(16).fill(3));
  const fileSystem = { designator, label: 'test', dataSize: data.length, tree, document, signatureUuid };
  const image = composeImage(architecture, uuidFrom(new Uint8Array(16).fill(5)), [fileSystem]);
  const bytes = new Uint8Array(image.size);
  const [dataOffset = 0] = image.dataOffsets;
  bytes.set(data, dataOffset);
  for (const piece of image.pieces) bytes.set(piece.bytes, piece.offset);
  return { bytes, rootHash: tree.rootHash, dataOffset, device: tree.device, document };
}

export function signDocument(rootHash: Uint8Array, { key, certificate }: Signer): SignatureDocument {
  return { rootHash, signature: native.pkcs7Sign(signedContent(rootHash), key, certificate), certificateFingerprint: undefined };
}
