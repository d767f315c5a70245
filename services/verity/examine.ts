/** One image from its descriptor to what may be mounted of it: read, held against the policy, admitted by a route. */
import { toHex } from '../../image/bytes.ts';
import { givenSignature, type Image, type ImageFileSystem, readImage } from '../../image/image.ts';
import type { Architecture } from '../../image/partition-types.ts';
import { checkContent, permittedFileSystems } from '../../image/permit.ts';
import { allowsUse, type Use } from '../../image/policy.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { ImageOptions } from '../../mesh/protocol.ts';
import type { JudgeByKernel } from './kernel-keyrings.ts';
import type { Life } from './lives.ts';
import { LeastRecentlyUsed } from './lru.ts';
import type { OperatorsPolicy, PolicyInForce } from './policies.ts';
import { type Admission, closeAdmissions, type Route, type SealedFile } from './routes/route.ts';
import { sealOf } from './seal.ts';
import type { Source } from './source.ts';
import type { Standing } from './standing.ts';

/** What a file was found to be, per caller and unchanged file; each takes up to 20 kB. */
const rememberedImages = 1024;
/** Images of people have far less of either. What has more is read again each time, rather than kept by the thousand. */
const rememberedPartitions = 32;
const rememberedSignatureBytes = 8192;

/** A file system that may be mounted, and how. */
export interface Admitted {
  readonly fileSystem: ImageFileSystem;
  readonly admission: Admission;
}

export interface Examined {
  readonly image: Image;
  readonly policy: PolicyInForce;
  readonly admitted: readonly Admitted[];
}

export interface Examination {
  readonly options: ImageOptions;
  readonly source: Source;
  readonly sidecar: Source | undefined;
  readonly uid: number;
  /** borrowed */
  readonly password: Uint8Array | null;
  readonly standing: Standing;
  /** null where what the kernel does not believe is refused, whoever could be asked about it */
  readonly judgeByKernel: JudgeByKernel | null;
}

/** What an image may be that has a certain standing, and the ways in which it may come. */
export interface Terms {
  readonly policy: OperatorsPolicy;
  /** the first that a policy allows is taken */
  readonly routes: readonly Route[];
  /** the one way for what is encrypted */
  readonly encrypted: Route;
}

export class Examiner {
  readonly #terms: Readonly<Record<Standing, Terms>>;
  readonly #architecture: Architecture;
  readonly #images = new LeastRecentlyUsed<string, Image>(rememberedImages);

  constructor(terms: Readonly<Record<Standing, Terms>>, architecture: Architecture) {
    this.#terms = terms;
    this.#architecture = architecture;
  }

  /** Resolves to what may be mounted, whose descriptors are the caller's then. Throws the named refusal. */
  async examine(examination: Examination, life: Life): Promise<Examined> {
    const { options, source, sidecar, uid, standing, password, judgeByKernel } = examination;
    const terms = this.#terms[standing];
    const policy = terms.policy.inForce(options.imagePolicy);
    const sealed = sealedFile(examination);
    const image = await this.#read(examination);
    life.step('RECOGNISED');
    const permitted = permittedWith(image, sealed, policy, terms);
    life.step('PERMITTED');
    const admitted: Admitted[] = [];
    try {
      for (const [fileSystem, route] of permitted) {
        const forWriting = !options.readOnly && fileSystem.partition?.readOnly !== true;
        const candidate = { image, fileSystem, source, sidecar, sealed, uid, forWriting, password, judgeByKernel };
        const admission = await route.admit(candidate, life);
        admitted.push({ fileSystem, admission });
        if (fileSystem.encrypted) checkContent(policy.policy, fileSystem, admission.fileSystem);
        // The policy was asked about what the caller's file said; what is mounted must be that.
        else if (admission.fileSystem !== fileSystem.superblock?.type) throw new PosternError('IMAGE_CHANGED');
      }
      life.step('OBTAINED');
    } catch (thrown) {
      closeAdmissions(admitted.map(({ admission }) => admission));
      throw thrown;
    }
    const key = keyOf(examination);
    if (key !== null && source.atRest && (sidecar?.atRest ?? true) && isModest(image)) this.#images.set(key, image);
    return { image, policy, admitted };
  }

  async #read(examination: Examination): Promise<Image> {
    const key = keyOf(examination);
    const known = key === null ? undefined : this.#images.get(key);
    if (known !== undefined) return known;
    const { options, source, sidecar } = examination;
    const { verityRootHash: rootHash, verityRootHashSignature: signature } = options;
    // without a tree they are a seal's
    const given = sidecar && { device: sidecar.reader, rootHash, signature };
    try {
      return await readImage(source.reader, this.#architecture, given);
    } catch (thrown) {
      source.checkUnchanged();
      sidecar?.checkUnchanged();
      throw thrown;
    }
  }
}

/** Every file system that the policy lets be used, with the route that is to admit it. */
function permittedWith(
  image: Image,
  sealed: SealedFile | null,
  { policy }: PolicyInForce,
  { routes, encrypted }: Terms,
): [ImageFileSystem, Route][] {
  const open = new Map<ImageFileSystem, Route>();
  const useOf = (fileSystem: ImageFileSystem): Use => {
    let first: Use | undefined;
    for (const route of fileSystem.encrypted ? [encrypted] : routes) {
      const use = route.use(fileSystem, sealed);
      if (use !== undefined && allowsUse(policy, fileSystem.designator, use)) {
        open.set(fileSystem, route);
        return use;
      }
      first ??= use;
    }
    // With its route switched off, a signed image is no better than an unsigned one.
    return first ?? (fileSystem.verity ? 'verity' : 'unprotected');
  };
  return permittedFileSystems(image, policy, useOf).map((fileSystem) => {
    const route = open.get(fileSystem);
    if (route === undefined) throw new PosternError('POLICY_DENIED', `no route is open for ${fileSystem.designator}`);
    return [fileSystem, route];
  });
}

/**
 * The file's seal, with the signature that the caller passed for it.
 * @throws PosternError INVALID_PARAMETER, SIGNATURE_MISSING, SIGNATURE_OTHER_IMAGE
 */
function sealedFile({ source, sidecar, options }: Examination): SealedFile | null {
  const seal = sealOf(source.descriptor);
  const { verityRootHash: hash, verityRootHashSignature: base64 } = options;
  if (sidecar !== undefined || (hash === null && base64 === null)) return seal && { seal, given: null };
  if (hash === null) throw new PosternError('INVALID_PARAMETER', 'a signature is of a root hash', 'verityRootHash');
  const { rootHash, signature } = givenSignature(hash, base64);
  if (seal === null)
    throw new PosternError('INVALID_PARAMETER', 'there is no hash tree, and the file is not sealed with fs-verity', 'verityRootHash');
  if (!Buffer.from(rootHash).equals(seal.digest))
    throw new PosternError('SIGNATURE_OTHER_IMAGE', `its fs-verity digest is ${toHex(seal.digest)}`);
  return { seal, given: signature };
}

/**
 * The same again means the same image; null where the files don't tell. A file system in user space can tell what it likes about
 * its files, so that what one user showed counts for no other.
 */
function keyOf({ options, source, sidecar, uid }: Examination): string | null {
  if (source.identity === null || sidecar?.identity === null) return null;
  return JSON.stringify([uid, source.identity, sidecar?.identity ?? '', options.verityRootHash, options.verityRootHashSignature]);
}

function isModest({ table, fileSystems }: Image): boolean {
  const signatures = fileSystems.reduce((sum, { document }) => sum + (document?.signature.length ?? 0), 0);
  return (table?.partitions.length ?? 0) <= rememberedPartitions && signatures <= rememberedSignatureBytes;
}
