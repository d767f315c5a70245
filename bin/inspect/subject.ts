/** The image that is looked at: a file or a disk, read with bounds. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { boundedReader, type Reader } from '../../image/reader.ts';
import { PosternError } from '../../mesh/errors.ts';
import { readAt } from '../../native/files.ts';
import { isSystemError, native } from '../../native/index.ts';
import { Failure } from '../errors.ts';
import { exitCodes } from '../exit-codes.ts';

export interface Subject extends AsyncDisposable {
  readonly reader: Reader;
  /** @throws PosternError IMAGE_CHANGED when somebody wrote to it since it was opened */
  checkUnchanged(): Promise<void>;
}

/** @throws {Failure} when it can't be read or is neither a file nor a disk */
export async function openSubject(path: string): Promise<Subject> {
  // without waiting for whoever may be at the other end of a fifo
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((thrown: unknown) => {
    if (!isSystemError(thrown)) throw thrown;
    throw new Failure({ what: `the image ${path} can't be read`, why: thrown.message, exitCode: exitCodes.noInput });
  });
  const facts = native.describe(file.fd);
  if (facts.type !== 'regular' && facts.type !== 'block') {
    await file.close();
    throw new Failure({ what: `${path} is neither a file nor a disk`, next: 'name a disk image', exitCode: exitCodes.noInput });
  }
  const times = async () => {
    const { size, mtimeNs, ctimeNs } = await file.stat({ bigint: true });
    return facts.type === 'block' ? '' : [size, mtimeNs, ctimeNs].join(' ');
  };
  const before = await times();
  return {
    reader: boundedReader(facts.size, async (target, position) => {
      try {
        return await readAt(file.fd, target, position);
      } catch (thrown) {
        throw new PosternError('IMAGE_UNREADABLE', isSystemError(thrown) ? thrown.code : '');
      }
    }),
    async checkUnchanged() {
      if ((await times()) !== before) throw new PosternError('IMAGE_CHANGED');
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
