/** Holds a whole image against a policy: which of its file systems may be used, protected as they are. */
import { PosternError } from '../mesh/errors.ts';
import type { Image, ImageFileSystem } from './image.ts';
import type { Designator } from './partition-types.ts';
import { allowsUse, applyPolicy, type ImagePolicy, type PolicySubject, type Use } from './policy.ts';
import type { FileSystem } from './superblock.ts';

/** Designators that a policy speaks about and that nothing mounts. */
const neverMounted: readonly Designator[] = ['home', 'srv', 'esp', 'xbootldr', 'swap', 'tmp', 'var'];

/** How a file system is protected, when nothing but its own partitions is asked. */
export function protectionOf({ encrypted, verity, document }: ImageFileSystem): Use {
  if (encrypted) return 'encrypted';
  if (verity === undefined) return 'unprotected';
  return document === undefined ? 'verity' : 'signed';
}

/**
 * The file systems that the policy lets be used, the root first.
 * @param useOf how each is protected
 * @throws PosternError SIGNATURE_MISSING where only a signature is missing, else POLICY_DENIED
 */
export function permittedFileSystems(image: Image, policy: ImagePolicy, useOf: (fileSystem: ImageFileSystem) => Use): ImageFileSystem[] {
  const permitted: ImageFileSystem[] = [];
  for (const designator of ['root', 'usr'] as const) {
    const fileSystem = image.fileSystems.find((candidate) => candidate.designator === designator);
    const use = fileSystem === undefined ? 'absent' : useOf(fileSystem);
    const unsigned = use === 'verity' || use === 'unprotected';
    if (
      unsigned &&
      allowsUse(policy, designator, 'signed') &&
      !allowsUse(policy, designator, use) &&
      !allowsUse(policy, designator, 'unused')
    )
      throw new PosternError('SIGNATURE_MISSING', `${designator} is ${use}`);
    if (applyPolicy(policy, designator, subjectOf(fileSystem, use)) === 'use' && fileSystem !== undefined) permitted.push(fileSystem);
  }
  for (const designator of neverMounted) {
    const partition = image.others.get(designator);
    const flags = { readOnly: partition?.readOnly ?? false, growFileSystem: partition?.growFileSystem ?? false };
    applyPolicy(policy, designator, { ...flags, use: partition === undefined ? 'absent' : 'unprotected', fileSystem: null });
  }
  if (permitted.length === 0) throw new PosternError('POLICY_DENIED', 'it leaves nothing to mount');
  return permitted;
}

/**
 * Holds what an encrypted file system turned out to be against the policy that let it be opened.
 * @throws PosternError POLICY_DENIED
 */
export function checkContent(policy: ImagePolicy, fileSystem: ImageFileSystem, type: FileSystem): void {
  applyPolicy(policy, fileSystem.designator, { ...subjectOf(fileSystem, 'encrypted'), fileSystem: type });
}

function subjectOf(fileSystem: ImageFileSystem | undefined, use: Use): PolicySubject {
  return {
    use,
    readOnly: fileSystem?.partition?.readOnly ?? false,
    growFileSystem: fileSystem?.partition?.growFileSystem ?? false,
    fileSystem: fileSystem?.encrypted === true ? 'encrypted' : (fileSystem?.superblock?.type ?? null),
  };
}
