/** The parameters about an image, checked as far as that goes without its content. Pure. */
import { PosternError } from '../../../mesh/errors.ts';
import type { ImageOptions } from '../../../mesh/protocol.ts';
import { maxSecretBytes } from '../../../mesh/shapes.ts';
import type { ParametersOf } from '../../../varlink/method/registry.ts';

type MountImageParameters = ParametersOf<'io.systemd.MountFileSystem.MountImage'>;

/** What the message to the next stage takes (mesh/protocol.ts); longer is no policy and no list of options that anyone has written. */
const maxPolicy = 4096;
const maxOptions = 1024;
const maxDesignator = 32;
const maxSignature = 1 << 16;

/** SHA-256 to SHA-512, in hexadecimal digits. */
const rootHash = /^(?:[0-9a-f]{2}){16,64}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Everything left as it is by default. */
export const defaultOptions: ImageOptions = {
  readOnly: false,
  growFileSystems: true,
  imagePolicy: null,
  mountOptions: {},
  relaxExtensionReleaseChecks: false,
  veritySharing: false,
  verityRootHash: null,
  verityRootHashSignature: null,
  imageName: null,
};

/**
 * @param writable whether the image's descriptor can be written to
 * @throws PosternError that names the parameter
 */
export function imageOptions(parameters: MountImageParameters, writable: boolean): ImageOptions {
  return {
    ...defaultOptions,
    ...verityOptions(parameters),
    readOnly: (parameters.readOnly ?? false) || !writable,
    growFileSystems: parameters.growFileSystems ?? true,
    imagePolicy: policyOption(parameters.imagePolicy ?? null),
    mountOptions: mountOptions(parameters.mountOptions ?? {}),
    relaxExtensionReleaseChecks: parameters.relaxExtensionReleaseChecks ?? false,
    veritySharing: parameters.veritySharing ?? false,
  };
}

/**
 * The password as bytes that can be wiped, which the text can't be: it is taken out of the parameters, which others keep for longer.
 * @throws PosternError INVALID_PARAMETER
 */
export function takePassword(parameters: { password?: string | null }): Uint8Array<ArrayBuffer> | null {
  const { password } = parameters;
  delete parameters.password;
  if (typeof password !== 'string') return null;
  const bytes = new TextEncoder().encode(password);
  if (bytes.length > maxSecretBytes) throw new PosternError('INVALID_PARAMETER', `it is longer than ${maxSecretBytes} bytes`, 'password');
  return bytes;
}

/** Its grammar is for the stage that applies it. */
export function policyOption(policy: string | null): string | null {
  if (policy !== null && policy.length > maxPolicy) throw new PosternError('POLICY_INVALID', 'it is too long');
  return policy;
}

/** Clients write designators with hyphens here and with underscores elsewhere; from here on they have underscores. */
function mountOptions(given: { readonly [designator: string]: string }): Record<string, string> {
  const entries = Object.entries(given).map(([designator, options]) => [designator.replaceAll('-', '_'), options] as const);
  for (const [designator, options] of entries) {
    if (designator.length > maxDesignator || options.length > maxOptions) throw new PosternError('MOUNT_OPTION', 'it is too long');
  }
  const known = new Map(entries);
  if (known.size < entries.length) throw new PosternError('MOUNT_OPTION', 'a designator is named twice');
  return Object.fromEntries(known);
}

/**
 * A hash tree beside the image comes with its root hash, and a signature only with a hash. Hash and signature without a tree are those of
 * a sealed file (fs-verity).
 */
function verityOptions(parameters: MountImageParameters): Pick<ImageOptions, 'verityRootHash' | 'verityRootHashSignature'> {
  const hash = parameters.verityRootHash ?? null;
  const signature = parameters.verityRootHashSignature ?? null;
  const hasTree = typeof parameters.verityDataFileDescriptor === 'number';
  if (hasTree ? hash === null : hash !== null && signature === null) {
    throw new PosternError('INVALID_PARAMETER', 'a root hash comes with its hash tree, or its signature', 'verityDataFileDescriptor');
  }
  if (signature !== null && hash === null) {
    throw new PosternError('INVALID_PARAMETER', 'a signature is of a root hash', 'verityRootHashSignature');
  }
  if (hash !== null && !rootHash.test(hash)) {
    throw new PosternError('INVALID_PARAMETER', 'a root hash is 32 to 128 hexadecimal digits', 'verityRootHash');
  }
  if (signature !== null && (signature.length > maxSignature || signature === '' || !base64.test(signature))) {
    throw new PosternError('INVALID_PARAMETER', 'a signature is Base64, of at most 48 KiB', 'verityRootHashSignature');
  }
  return { verityRootHash: hash === null ? null : hash.toLowerCase(), verityRootHashSignature: signature };
}
