/** Holds a whole image against a policy: which of its file systems may be used, protected as they are. */
import { PosternError } from '../mesh/errors.ts';
import type { Image, ImageFileSystem } from './image.ts';
import { type MountedDesignator, mountedDesignators, protectedDesignators } from './partition-types.ts';
import { allowsUse, applyPolicy, type ImagePolicy, type PolicySubject, type Use } from './policy.ts';

/** How a file system is protected, when nothing but its own partitions is asked. */
export function protectionOf({ verity, document }: ImageFileSystem): Use {
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
  for (const designator of mountedDesignators) {
    const fileSystem = image.fileSystems.find((candidate) => candidate.designator === designator);
    const use = fileSystem === undefined ? 'absent' : useOf(fileSystem);
    if (lacksSignature(policy, designator, use)) throw new PosternError('SIGNATURE_MISSING', `${designator} is ${use}`);
    if (applyPolicy(policy, designator, subjectOf(fileSystem, use)) === 'use' && fileSystem !== undefined) permitted.push(fileSystem);
  }
  const swap = image.others.get('swap');
  applyPolicy(policy, 'swap', {
    use: swap === undefined ? 'absent' : 'unprotected',
    readOnly: swap?.readOnly ?? false,
    growFileSystem: swap?.growFileSystem ?? false,
    fileSystem: null,
  });
  if (permitted.length === 0) throw new PosternError('POLICY_DENIED', 'it leaves nothing to mount');
  return permitted;
}

/** Whether a signature is all that the policy wants besides. */
function lacksSignature(policy: ImagePolicy, designator: MountedDesignator, use: Use): boolean {
  if (!protectedDesignators.some((guarded) => guarded === designator) || (use !== 'verity' && use !== 'unprotected')) return false;
  return allowsUse(policy, designator, 'signed') && !allowsUse(policy, designator, use) && !allowsUse(policy, designator, 'unused');
}

function subjectOf(fileSystem: ImageFileSystem | undefined, use: Use): PolicySubject {
  return {
    use,
    readOnly: fileSystem?.partition?.readOnly ?? false,
    growFileSystem: fileSystem?.partition?.growFileSystem ?? false,
    fileSystem: fileSystem?.superblock?.type ?? null,
  };
}
