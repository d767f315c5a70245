/**
 * The encrypted file system: a LUKS volume that the caller has the password of. It says nothing about who made the image, so that policies
 * speak of it by itself. The kernel decrypts it when it is read; what lies in it is looked at here first, by the same key.
 */
import type { ImageFileSystem } from '../../../image/image.ts';
import { readLuks } from '../../../image/luks/header.ts';
import { decryptedReader } from '../../../image/luks/xts.ts';
import { section } from '../../../image/reader.ts';
import { detectFileSystem } from '../../../image/superblock.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { isLocal } from '../local-files.ts';
import type { CryptDevices } from '../unlock/crypt-devices.ts';
import type { Locksmith } from '../unlock/locksmith.ts';
import type { Route } from './route.ts';

export interface EncryptedParts {
  readonly locksmith: Locksmith;
  readonly devices: CryptDevices;
}

export function encryptedRoute({ locksmith, devices }: EncryptedParts): Route {
  return {
    name: 'encrypted',
    use: () => 'encrypted',
    async admit({ fileSystem, source, uid, password }, { signal }) {
      if (devices.missing !== null) throw new PosternError('ENCRYPTION_UNSUPPORTED', devices.missing);
      if (!isLocal(source.descriptor)) throw new PosternError('ENCRYPTION_UNSUPPORTED', 'of a file that the kernel would have to wait for');
      checkBare(fileSystem);
      if (password === null || password.length === 0) throw new PosternError('PASSWORD_MISSING', '', 'password');
      const volume = section(source.reader, fileSystem.offset, fileSystem.size);
      const luks = await readLuks(volume);
      const key = await locksmith.open(volume, luks, { uid, signal, password });
      try {
        const inner = await detectFileSystem(decryptedReader(volume, luks.segment, key));
        if (inner === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN', 'within the encrypted volume');
        const { offset, size, sectorSize, tweak } = luks.segment;
        return {
          fileSystem: inner.type,
          descriptors: [source.descriptor.duplicate()],
          source: (descriptor) => ({ kind: 'crypt-device', descriptor, offset: fileSystem.offset + offset, size, sectorSize, tweak, key }),
          forget: () => key.fill(0),
          keepsSetuid: true,
          signer: null,
          cached: true,
        };
      } catch (thrown) {
        key.fill(0);
        throw thrown;
      }
    },
  };
}

/** A hash tree over encrypted data would be checked by nobody. */
function checkBare({ verity, document }: ImageFileSystem): void {
  if (verity !== undefined || document !== undefined) throw new PosternError('LUKS_UNSUPPORTED', 'there is a hash tree over it');
}
