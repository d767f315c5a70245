/** The signature partition of a discoverable disk image: a JSON document that carries the detached PKCS#7 of a root hash. */
import * as v from 'valibot';
import { PosternError } from '../mesh/errors.ts';
import { allZero, fromBase64, fromHex, toHex } from './bytes.ts';
import { jsonDepth } from './json-guard.ts';
import type { Signed } from './judge.ts';

/** The largest signature partition: what other readers accept. */
export const maxSignaturePartition = 4 * 1024 * 1024;
/** The largest document in it: a signature with a whole chain of certificates takes a tenth of that. */
const maxDocumentBytes = 256 * 1024;
/** The document is flat; room for what others may add to it. */
const maxDepth = 8;
/** The largest DER signature, also what fits into a mount plan. */
const maxSignatureBytes = 64 * 1024;
/** What image tools write: 16 KiB. */
export const signaturePartitionBytes = 16 * 1024;

export interface SignatureDocument {
  readonly rootHash: Uint8Array;
  /** detached PKCS#7 in DER over the root hash in lower-case hex */
  readonly signature: Uint8Array;
  /** SHA-256 of the certificate in lower-case hex, as claimed; proves nothing */
  readonly certificateFingerprint: string | undefined;
}

const shape = v.object({ rootHash: v.string(), signature: v.string(), certificateFingerprint: v.optional(v.nullable(v.string())) });

/**
 * Reads the content of a signature partition: the document, then nothing but NULs.
 * @throws PosternError SIGNATURE_DOCUMENT, with what is wrong
 */
export function parseSignaturePartition(bytes: Uint8Array): SignatureDocument {
  if (bytes.length > maxSignaturePartition) throw wrong('larger than 4 MiB');
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  if (text.length > maxDocumentBytes) throw wrong('longer than 256 KiB');
  if (end >= 0 && !allZero(bytes.subarray(end))) throw wrong('something follows it');
  if (jsonDepth(text, maxDepth) > maxDepth) throw wrong(`nested deeper than ${maxDepth}`);
  const fields = v.safeParse(shape, parseJson(text));
  if (!fields.success) throw wrong(`field ${v.getDotPath(fields.issues[0]) ?? 'missing'}`);
  const fingerprint = fields.output.certificateFingerprint ?? undefined;
  if (fingerprint !== undefined && fromHex(fingerprint)?.length !== 32) throw wrong('certificateFingerprint is not a SHA-256 in hex');
  return {
    rootHash: parseRootHash(fields.output.rootHash),
    signature: parseSignature(fields.output.signature),
    certificateFingerprint: fingerprint?.toLowerCase(),
  };
}

/** A root hash in hex: 32 bytes for sha256, 64 for sha512. */
export function parseRootHash(text: string): Uint8Array {
  const bytes = fromHex(text);
  if (bytes === undefined || (bytes.length !== 32 && bytes.length !== 64)) throw wrong('rootHash is not a hash in hex');
  return bytes;
}

/** A signature in base64. */
export function parseSignature(text: string): Uint8Array {
  const bytes = fromBase64(text);
  if (bytes === undefined || bytes.length === 0) throw wrong('signature is not base64');
  if (bytes.length > maxSignatureBytes) throw wrong('the signature is longer than 64 KiB');
  return bytes;
}

/** A document as something that somebody signed. */
export function signedOf({ rootHash, signature, certificateFingerprint }: SignatureDocument): Signed {
  return { content: signedContent(rootHash), signature, certificateFingerprint };
}

/** What is signed: the root hash as lower-case hex text. */
export function signedContent(rootHash: Uint8Array): Uint8Array {
  return Buffer.from(toHex(rootHash), 'latin1');
}

/** The content of a signature partition. */
export function writeSignaturePartition(document: SignatureDocument): Uint8Array {
  const text = JSON.stringify({
    rootHash: toHex(document.rootHash),
    ...(document.certificateFingerprint !== undefined && { certificateFingerprint: document.certificateFingerprint }),
    signature: Buffer.from(document.signature).toString('base64'),
  });
  const size = Math.max(signaturePartitionBytes, Math.ceil((text.length + 1) / 4096) * 4096);
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(text, 'latin1'));
  return bytes;
}

function parseJson(text: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    throw wrong('not JSON');
  }
}

function wrong(detail: string): PosternError {
  return new PosternError('SIGNATURE_DOCUMENT', detail);
}
