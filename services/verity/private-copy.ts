/**
 * Copies of file systems that nobody has checked: as the image was at one moment, where nobody can write any more. Such a copy has no name:
 * it is there for as long as it is mounted, and for nobody else.
 */
import { allZero } from '../../image/bytes.ts';
import { section } from '../../image/reader.ts';
import { detectFileSystem } from '../../image/superblock.ts';
import { chunkBytes } from '../../image/verity-stream.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Waiter } from './flights.ts';
import type { Lanes } from './lanes.ts';
import type { Source } from './source.ts';
import type { Held, Store } from './store.ts';

export interface CopyWish {
  readonly image: Source;
  /** in bytes */
  readonly offset: number;
  readonly size: number;
  /** whose turns the work takes */
  readonly uid: number;
}

export class PrivateCopies {
  readonly #store: Store;
  readonly #lanes: Lanes;

  constructor(store: Store, lanes: Lanes) {
    this.#store = store;
    this.#lanes = lanes;
  }

  /**
   * Resolves to a descriptor that can only read, and is the copy's only one.
   * @throws PosternError IMAGE_CHANGED, IMAGE_UNREADABLE, IMAGE_TOO_LARGE, STORE_FULL, FILE_SYSTEM_UNKNOWN, CANCELLED
   */
  async make({ image, offset, size, uid }: CopyWish, { signal, progress }: Waiter): Promise<Held> {
    using room = this.#store.reserve(size);
    await using copy = this.#store.create(size);
    const data = section(image.reader, offset, size);
    const turn = this.#lanes.of(uid);
    for (let done = 0; done < size; ) {
      if (signal.aborted) throw new PosternError('CANCELLED');
      const at = done;
      const length = Math.min(chunkBytes, size - at);
      await turn(async (buffer) => {
        const piece = buffer.subarray(0, length);
        await data.fill(piece, at);
        if (!allZero(piece)) await copy.write(piece, at);
      });
      done += length;
      room.remaining = size - done;
      progress({ phase: 'copying', done, total: size });
    }
    // Otherwise it is a copy of no moment.
    image.checkUnchanged();
    const superblock = await detectFileSystem(copy.reader);
    if (superblock === undefined) throw new PosternError('FILE_SYSTEM_UNKNOWN');
    return { descriptor: this.#store.openPrivate(copy), fileSystem: superblock.type };
  }
}
