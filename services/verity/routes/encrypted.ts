/**
 * The encrypted file system: a LUKS volume that the caller has the password of. It says nothing about who made the image, so that policies
 * speak of it by itself. The kernel decrypts it when it is read; what lies in it is looked at here first, by the same key.
 */
import type { ImageFileSystem } from '../../../image/image.ts';
import { readLuks } from '../../../image/luks/header.ts';
import type { Segment } from '../../../image/luks/volume.ts';
import { decryptedReader } from '../../../image/luks/xts.ts';
import { section } from '../../../image/reader.ts';
import { detectFileSystem } from '../../../image/superblock.ts';
import type { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Waiter } from '../flights.ts';
import { isLocal } from '../local-files.ts';
import type { PrivateCopies } from '../private-copy.ts';
import { Source } from '../source.ts';
import type { CryptDevices } from '../unlock/crypt-devices.ts';
import type { Locksmith } from '../unlock/locksmith.ts';
import { type Candidate, type Route, writableAsItIs } from './route.ts';

export interface EncryptedParts {
  readonly locksmith: Locksmith;
  readonly devices: CryptDevices;
  /** for images that somebody else can write; null for those that are mounted in place */
  readonly copies: PrivateCopies | null;
}

export function encryptedRoute({ locksmith, devices, copies }: EncryptedParts): Route {
  return {
    name: 'encrypted',
    use: () => 'encrypted',
    async admit(candidate, waiter) {
      const { fileSystem, source, uid, password, forWriting } = candidate;
      if (devices.missing !== null) throw new PosternError('ENCRYPTION_UNSUPPORTED', devices.missing);
      checkBare(fileSystem);
      if (password === null || password.length === 0) throw new PosternError('PASSWORD_MISSING', '', 'password');
      const volume = section(source.reader, fileSystem.offset, fileSystem.size);
      const luks = await readLuks(volume);
      const key = await locksmith.open(volume, luks, { uid, signal: waiter.signal, password });
      let content: Content | undefined;
      try {
        content = copies === null ? inPlace(candidate, luks.segment) : await copied(candidate, luks.segment, copies, waiter);
        const { descriptor, segment } = content;
        const inner = await detectFileSystem(decryptedReader(Source.of(descriptor).reader, segment, key));
        if (inner === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN', 'within the encrypted volume');
        return {
          fileSystem: inner.type,
          descriptors: [descriptor],
          source: (first) => ({ kind: 'crypt-device', descriptor: first, ...segment, key }),
          forget: () => {
            key.fill(0);
          },
          keepsSetuid: copies === null,
          // a private copy would take what is written with it
          writable: copies === null && forWriting && writableAsItIs(inner, fileSystem.designator),
          signer: null,
          cached: copies === null,
        };
      } catch (thrown) {
        key.fill(0);
        content?.descriptor.close();
        throw thrown;
      }
    },
  };
}

/** A hash tree over encrypted data would be checked by nobody. */
function checkBare({ verity, document }: ImageFileSystem): void {
  if (verity !== undefined || document !== undefined) throw new PosternError('LUKS_UNSUPPORTED', 'there is a hash tree over it');
}

/** Where the encrypted data lies: the segment as its file has it. */
interface Content {
  /** owned */
  readonly descriptor: Descriptor;
  readonly segment: Segment;
}

function inPlace({ source, fileSystem }: Candidate, segment: Segment): Content {
  if (!isLocal(source.descriptor)) throw new PosternError('ENCRYPTION_UNSUPPORTED', 'of a file that the kernel would have to wait for');
  return { descriptor: source.descriptor.duplicate(), segment: { ...segment, offset: fileSystem.offset + segment.offset } };
}

/** It was opened by what the file said then; what is mounted is the copy, whatever it has become. */
async function copied({ source, fileSystem, uid }: Candidate, segment: Segment, copies: PrivateCopies, waiter: Waiter): Promise<Content> {
  const wish = { image: source, offset: fileSystem.offset + segment.offset, size: segment.size, uid };
  return { descriptor: await copies.copy(wish, waiter), segment: { ...segment, offset: 0 } };
}
