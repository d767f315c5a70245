/**
 * The plain file system: mounted as it is, in place, and for writing where its caller may write. For images that only root can change, so
 * that there is nothing to be checked that would not be as true of the host's own files.
 */
import { PosternError } from '../../../mesh/errors.ts';
import type { MountSource } from '../../../mesh/protocol.ts';
import { type Route, writableAsItIs } from './route.ts';

export function plainRoute(): Route {
  return {
    name: 'plain',
    use: () => 'unprotected',
    async admit({ fileSystem, source, forWriting }) {
      const { superblock, partition, designator, offset, size } = fileSystem;
      if (superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN', designator);
      const writable = forWriting && writableAsItIs(superblock, designator);
      return {
        fileSystem: superblock.type,
        descriptors: [source.descriptor.duplicate()],
        source: (descriptor): MountSource =>
          partition === undefined ? { kind: 'file', descriptor } : { kind: 'part', descriptor, offset, size, shared: true },
        keepsSetuid: true,
        writable,
        signer: null,
        cached: true,
      };
    },
  };
}
