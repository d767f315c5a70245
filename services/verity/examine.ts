/** One image from its descriptor to what may be mounted of it: read, held against the policy, admitted by a route. */
import { type Image, type ImageFileSystem, readImage } from '../../image/image.ts';
import type { Architecture, Designator } from '../../image/partition-types.ts';
import { allowsUse, applyPolicy, type PolicySubject, type Use } from '../../image/policy.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { ImageOptions } from '../../mesh/protocol.ts';
import type { Life } from './lives.ts';
import { LeastRecentlyUsed } from './lru.ts';
import { type PolicyInForce, policyInForce } from './policies.ts';
import { type Admission, closeAdmissions, type Route } from './routes/route.ts';
import type { Source } from './source.ts';

/** What a file was found to be, per unchanged file; each takes about 3 kB. */
const rememberedImages = 1024;

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
}

/** Designators that a policy speaks about and that nothing here mounts. */
const neverMounted: readonly Designator[] = ['home', 'srv', 'esp', 'xbootldr', 'swap', 'tmp', 'var'];

export class Examiner {
  readonly #routes: readonly Route[];
  readonly #architecture: Architecture;
  readonly #images = new LeastRecentlyUsed<string, Image>(rememberedImages);

  constructor(routes: readonly Route[], architecture: Architecture) {
    this.#routes = routes;
    this.#architecture = architecture;
  }

  /** Resolves to what may be mounted, whose descriptors are the caller's then. Throws the named refusal. */
  async examine(examination: Examination, life: Life): Promise<Examined> {
    const { options, source, sidecar, uid } = examination;
    const policy = policyInForce(options.imagePolicy);
    const image = await this.#read(examination);
    life.step('RECOGNISED');
    const permitted = this.#permitted(image, policy);
    life.step('PERMITTED');
    const admitted: Admitted[] = [];
    try {
      for (const [fileSystem, route] of permitted) {
        const admission = await route.admit({ image, fileSystem, source, sidecar, uid }, life);
        admitted.push({ fileSystem, admission });
      }
      life.step('OBTAINED');
    } catch (thrown) {
      closeAdmissions(admitted.map(({ admission }) => admission));
      throw thrown;
    }
    const key = keyOf(examination);
    if (key !== null && source.atRest && (sidecar?.atRest ?? true)) this.#images.set(key, image);
    return { image, policy, admitted };
  }

  async #read(examination: Examination): Promise<Image> {
    const key = keyOf(examination);
    const known = key === null ? undefined : this.#images.get(key);
    if (known !== undefined) return known;
    const { options, source, sidecar } = examination;
    const { verityRootHash: rootHash, verityRootHashSignature: signature } = options;
    try {
      return await readImage(source.reader, this.#architecture, { device: sidecar?.reader, rootHash, signature });
    } catch (thrown) {
      source.checkUnchanged();
      throw thrown;
    }
  }

  /** Every file system that the policy lets be used, with the route that is to admit it. */
  #permitted(image: Image, { policy }: PolicyInForce): [ImageFileSystem, Route][] {
    const permitted: [ImageFileSystem, Route][] = [];
    for (const designator of ['root', 'usr'] as const) {
      const fileSystem = image.fileSystems.find((candidate) => candidate.designator === designator);
      const route = fileSystem && this.#routes.find((candidate) => candidate.use(fileSystem) !== undefined);
      const use: Use = fileSystem === undefined ? 'absent' : (route?.use(fileSystem) ?? (fileSystem.verity ? 'verity' : 'unprotected'));
      try {
        if (applyPolicy(policy, designator, subjectOf(fileSystem, use)) === 'leave') continue;
      } catch (thrown) {
        if ((use === 'verity' || use === 'unprotected') && allowsUse(policy, designator, 'signed'))
          throw new PosternError('SIGNATURE_MISSING', `${designator} is ${use}`);
        throw thrown;
      }
      if (fileSystem !== undefined && route !== undefined) permitted.push([fileSystem, route]);
    }
    for (const designator of neverMounted) {
      const partition = image.others.get(designator);
      applyPolicy(policy, designator, {
        use: partition === undefined ? 'absent' : 'unprotected',
        readOnly: partition?.readOnly ?? false,
        growFileSystem: partition?.growFileSystem ?? false,
        fileSystem: null,
      });
    }
    if (permitted.length === 0) throw new PosternError('POLICY_DENIED', 'it leaves nothing to mount');
    return permitted;
  }
}

function subjectOf(fileSystem: ImageFileSystem | undefined, use: Use): PolicySubject {
  return {
    use,
    readOnly: fileSystem?.partition?.readOnly ?? false,
    growFileSystem: fileSystem?.partition?.growFileSystem ?? false,
    fileSystem: fileSystem?.superblock?.type ?? null,
  };
}

/** The same again means the same image; null where the files don't tell. */
function keyOf({ options, source, sidecar }: Examination): string | null {
  if (source.identity === null || sidecar?.identity === null) return null;
  return JSON.stringify([source.identity, sidecar?.identity ?? '', options.verityRootHash, options.verityRootHashSignature]);
}
