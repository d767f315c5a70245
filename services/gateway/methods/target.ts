/** Whom a mount is for: the user namespace that the caller passed, or the host. */
import { type Bag, checkUserNamespace, type Reference } from '../descriptors.ts';

/** Which user namespace the gateway runs in, as the kernel identifies it. */
export interface HostNamespace {
  readonly device: bigint;
  readonly inode: bigint;
}

/** Null and missing are the same: the parameter was not given. */
export function reference(index: number | null | undefined, parameter: string): Reference[] {
  return typeof index === 'number' ? [{ index, parameter }] : [];
}

/**
 * The user namespace; none where the mount is for the host.
 * @param host a caller that passes this namespace asks for a mount without one
 * @throws PosternError that names the parameter
 */
export function targetNamespace(bag: Bag, index: number | null | undefined, host: HostNamespace): Reference[] {
  return reference(index, 'userNamespaceFileDescriptor').filter((namespace) => {
    const { device, inode } = checkUserNamespace(bag, namespace);
    return device !== host.device || inode !== host.inode;
  });
}
