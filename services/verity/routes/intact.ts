/**
 * The intact image: it has a hash tree, and somebody stands for the image itself, so that nobody has to have signed the root hash. What is
 * mounted is what has that hash, in place where the kernel has dm-verity, else from a checked copy.
 */
import { PosternError } from '../../../mesh/errors.ts';
import type { Keeper } from '../keeper.ts';
import { deviceAdmission, type VerityDevices } from './device.ts';
import { type Route, storedAdmission } from './route.ts';

export interface IntactParts {
  readonly keeper: Keeper;
  readonly devices: VerityDevices;
  readonly keepsSetuid: boolean;
}

export function intactRoute({ keeper, devices, keepsSetuid }: IntactParts): Route {
  return {
    name: 'intact',
    use: ({ verity, rootHash }) => (verity !== undefined && rootHash !== undefined ? 'verity' : undefined),
    async admit(candidate, waiter) {
      const { verity, rootHash, superblock, offset } = candidate.fileSystem;
      if (verity === undefined || rootHash === undefined) throw new PosternError('INTERNAL');
      if (devices.takes(candidate)) {
        if (superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN');
        const foundation = { verity, rootHash, type: superblock.type, signature: null, certificate: null };
        return { ...deviceAdmission(candidate, foundation), keepsSetuid };
      }
      const { source, sidecar, uid } = candidate;
      const obtained = await keeper.obtain({ image: source, sidecar, verity, dataOffset: offset, rootHash, uid }, waiter);
      return { ...storedAdmission(obtained, null), keepsSetuid };
    },
  };
}
