/** Decides about an image as the gateway would: the same parsers, policy, trust and hash tree, with this user's eyes. */
import { loadCertificates, systemTrustFolders } from '../../image/certificates.ts';
import { hashDevice, type Image, type ImageFileSystem } from '../../image/image.ts';
import { judgeSignature } from '../../image/judge.ts';
import { permittedFileSystems, protectionOf } from '../../image/permit.ts';
import { type ImagePolicy, intersect, parsePolicy, untrustedPolicy } from '../../image/policy.ts';
import { section } from '../../image/reader.ts';
import { signedOf } from '../../image/signature-document.ts';
import { VerityTree } from '../../image/verity-check.ts';
import { chunkBytes, streamData } from '../../image/verity-stream.ts';
import { PosternError } from '../../mesh/errors.ts';
import { listFolder, readWhole } from '../../native/files.ts';
import { native } from '../../native/index.ts';
import type { Progress } from '../output.ts';
import type { Subject } from './subject.ts';

/** A certificate that made a signature, and the file it was found in. */
export interface KnownSigner {
  readonly subject: string;
  readonly fingerprint: string;
  readonly path: string;
}

/** Returns the signers when the image would be let in. Throws the named refusal when not. */
export async function judge(
  subject: Subject,
  image: Image,
  asked: string | undefined,
  trust: readonly string[],
  progress: Progress,
): Promise<KnownSigner[]> {
  const { certificates } = await loadCertificates([...trust, ...systemTrustFolders], listFolder, readWhole);
  const signers: KnownSigner[] = [];
  for (const fileSystem of permittedFileSystems(image, policyOf(asked), protectionOf)) {
    const { document } = fileSystem;
    if (document === undefined) throw new PosternError('SIGNATURE_MISSING', fileSystem.designator);
    signers.push(judgeSignature(signedOf(document), certificates, native.pkcs7Verify));
    await checkData(subject, fileSystem, document.rootHash, progress);
    if (fileSystem.superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN', fileSystem.designator);
  }
  return signers;
}

function policyOf(asked: string | undefined): ImagePolicy {
  const untrusted = parsePolicy(untrustedPolicy);
  return asked === undefined ? untrusted : intersect(untrusted, parsePolicy(asked));
}

/** Every byte of the data against the root hash. */
async function checkData(
  subject: Subject,
  { verity, designator, offset }: ImageFileSystem,
  rootHash: Uint8Array,
  progress: Progress,
): Promise<void> {
  if (verity === undefined) throw new PosternError('SIGNATURE_MISSING', `${designator} has no hash tree`);
  const { superblock } = verity;
  const device = hashDevice(verity, subject.reader, undefined);
  try {
    const tree = await VerityTree.open(device, superblock, rootHash, native.hashBlocks);
    const buffers: Uint8Array[] = [];
    await streamData({
      tree,
      data: section(subject.reader, offset, tree.dataSize),
      dataBlockSize: superblock.dataBlockSize,
      signal: new AbortController().signal,
      async turn(work) {
        const buffer = buffers.pop() ?? new Uint8Array(chunkBytes);
        await work(buffer);
        buffers.push(buffer);
      },
      progress: (done) => progress.show(`checking ${designator}`, done, tree.dataSize),
    });
  } finally {
    await subject.checkUnchanged();
  }
}
