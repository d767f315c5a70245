/** The file that a caller passed: read with bounds, and compared with itself before and after. */
import { type BigIntStats, fstatSync } from 'node:fs';
import { boundedReader, type Reader } from '../../image/reader.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { identityOf, isAtRest, readAt } from '../../native/files.ts';
import { isSystemError, native } from '../../native/index.ts';

export class Source {
  readonly descriptor: Descriptor;
  readonly reader: Reader;
  /** the same again means that nobody wrote to it; null for block devices, which don't tell */
  readonly identity: string | null;
  /** Whether its times are old enough to show the next change. */
  readonly atRest: boolean;

  private constructor(descriptor: Descriptor, size: number, identity: string | null, atRest: boolean) {
    const { fd } = descriptor;
    this.descriptor = descriptor;
    this.identity = identity;
    this.atRest = atRest;
    this.reader = boundedReader(size, async (target, position) => {
      try {
        return await readAt(fd, target, position);
      } catch (thrown) {
        throw unreadable(thrown);
      }
    });
  }

  /**
   * Borrows the descriptor.
   * @throws PosternError IMAGE_UNREADABLE, IMAGE_TOO_LARGE
   */
  static of(descriptor: Descriptor): Source {
    const { fd } = descriptor;
    const stats = statOf(fd);
    const size = stats.isBlockDevice() ? BigInt(native.describe(fd).size) : stats.size;
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw new PosternError('IMAGE_TOO_LARGE');
    const identity = identityOf(stats);
    return new Source(descriptor, Number(size), identity, identity !== null && isAtRest(stats));
  }

  /** The same open file, as it was when this object was made, under a descriptor of its own: for work that outlives a request. */
  duplicate(): Source {
    return new Source(this.descriptor.duplicate(), this.reader.size, this.identity, this.atRest);
  }

  /** @throws PosternError IMAGE_CHANGED when anybody wrote to the file since this object was made */
  checkUnchanged(): void {
    if (identityOf(statOf(this.descriptor.fd)) !== this.identity) throw new PosternError('IMAGE_CHANGED');
  }
}

function statOf(fd: number): BigIntStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (thrown) {
    throw unreadable(thrown);
  }
}

function unreadable(thrown: unknown): PosternError {
  return new PosternError('IMAGE_UNREADABLE', isSystemError(thrown) ? thrown.code : '');
}
