/** fs-verity for real: sealed files, who vouches for them, and that nothing else is taken for one. */
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MountedImage } from '../../client/client.ts';
import { sealAlgorithm, sealedContent } from '../../image/seal.ts';
import { native } from '../../native/index.ts';
import { type Asked, mounting, refusal } from './asking.ts';
import { makeFileSystem } from './ground.ts';
import { makeImage, makeSigner, payloadBytes, type Signer } from './images.ts';
import { checkLater } from './report.ts';
import { serve, stop } from './server.ts';

const ground = '/home/seals';
const trusted = '/run/verity.d';
const sealTool = 'dist/lab-seal';
const place = join(ground, 'place');

const seal = (path: string, signature?: string) => execFileSync(sealTool, ['file', path, ...(signature === undefined ? [] : [signature])]);

/** The digest that a file has when it is sealed, and its signature: found on a copy. */
function signed(
  path: string,
  signer: Signer,
): Required<Pick<Asked, 'verityRootHash' | 'verityRootHashSignature'>> & { readonly file: string } {
  const copy = `${path}.copy`;
  copyFileSync(path, copy);
  seal(copy);
  const fd = openSync(copy, 'r');
  const measured = native.sealDigest(fd);
  closeSync(fd);
  rmSync(copy);
  const algorithm = sealAlgorithm(measured?.algorithm ?? 0);
  if (measured === null || algorithm === undefined) throw new Error('the copy was not sealed');
  const content = sealedContent({ algorithm, digest: measured.digest });
  const signature = native.pkcs7Sign(content, readFileSync(signer.key, 'utf8'), readFileSync(signer.cert, 'utf8'));
  const file = `${path}.signature`;
  writeFileSync(file, signature);
  return {
    file,
    verityRootHash: Buffer.from(measured.digest).toString('hex'),
    verityRootHashSignature: Buffer.from(signature).toString('base64'),
  };
}

async function mounts(path: string, asked: Asked = {}): Promise<string | true> {
  const read = (image: MountedImage) => {
    image.attach(place);
    return readFileSync(join(place, 'payload')).length;
  };
  const length = await mounting(path, read, asked);
  execFileSync('umount', [place]);
  return length === payloadBytes || `${length} bytes`;
}

export async function sealedFiles(): Promise<void> {
  makeFileSystem('ext4', ground, ['-O', 'verity', '-b', '4096']);
  mkdirSync(place);
  mkdirSync(trusted, { recursive: true });
  mkdirSync('/run/postern', { recursive: true });
  const known = makeSigner(ground, 'known');
  const owners = makeSigner(ground, 'owners');
  const stranger = makeSigner(ground, 'nobody');
  copyFileSync(owners.cert, join(trusted, 'owners.crt'));
  execFileSync('openssl', ['x509', '-in', known.cert, '-outform', 'der', '-out', join(ground, 'known.der')]);
  execFileSync(sealTool, ['trust', join(ground, 'known.der')]);

  // a whole disk image, whose own signature nobody trusts
  const disk = await makeImage(ground, 'disk', stranger);
  const bare = (name: string) => {
    const path = join(ground, `${name}.erofs`);
    execFileSync('mkfs.erofs', [path, join(ground, 'disk.tree')], { stdio: 'ignore' });
    return path;
  };
  const byKernel = bare('by-kernel');
  seal(byKernel, signed(byKernel, known).file);
  const byCertificate = bare('by-certificate');
  const { file: _file, ...given } = signed(byCertificate, owners);
  const byStranger = signed(byCertificate, stranger);
  seal(byCertificate);
  seal(disk, signed(disk, known).file);
  const open = bare('open');

  let parent = await serve({ state: '/home/seals-state' });
  await checkLater('fs-verity: a file that the kernel’s keyring vouches for is mounted', () => mounts(byKernel));
  await checkLater('fs-verity: so is a disk image, by its seal alone', () => mounts(disk));
  await checkLater('fs-verity: a file whose digest a certificate’s owner signed is mounted', () => mounts(byCertificate, given));
  await checkLater('fs-verity: a sealed file that nobody signed is refused', () =>
    refusal(byCertificate, 'DeniedByImagePolicy', 'SIGNATURE_MISSING'),
  );
  await checkLater('fs-verity: an unknown signer is refused', () =>
    refusal(byCertificate, 'KeyNotFound', 'SIGNER_UNKNOWN', { ...given, verityRootHashSignature: byStranger.verityRootHashSignature }),
  );
  await checkLater('fs-verity: the signature of another file is refused', () =>
    refusal(byKernel, 'VerityFailure', 'SIGNATURE_OTHER_IMAGE', given),
  );
  await checkLater('fs-verity: a signature over another digest is refused', () => {
    const { verityRootHashSignature } = signed(disk, owners);
    return refusal(byCertificate, 'VerityFailure', 'SIGNATURE_INVALID', { ...given, verityRootHashSignature });
  });
  await checkLater('fs-verity: a file that is not sealed is refused, whatever is signed of it', () =>
    refusal(open, 'org.varlink.service.InvalidParameter', 'INVALID_PARAMETER', given),
  );
  await checkLater('fs-verity: a file that is not sealed is as unsigned as ever', () =>
    refusal(open, 'DeniedByImagePolicy', 'SIGNATURE_MISSING'),
  );
  await stop(parent);

  parent = await serve({ state: '/home/seals-kernel', config: '[verity]\nsigners = "kernel"\n' });
  await checkLater('fs-verity: with signers = "kernel" the keyring’s word is enough', () => mounts(byKernel));
  await checkLater('fs-verity: with signers = "kernel" a certificate is not', () =>
    refusal(byCertificate, 'KeyNotFound', 'SIGNER_UNKNOWN', given),
  );
  await stop(parent);
  parent = await serve({ state: '/home/seals-certificates', config: '[verity]\nsigners = "certificates"\n' });
  await checkLater('fs-verity: with signers = "certificates" the keyring’s word is not enough', () =>
    refusal(byKernel, 'KeyNotFound', 'SIGNER_UNKNOWN'),
  );
  await stop(parent);
}
