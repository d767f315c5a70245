/** A copy while it is made: an unnamed file that vanishes with its descriptor. */
import { fdatasync, fsync, ftruncateSync, write } from 'node:fs';
import { boundedReader, type Reader } from '../../image/reader.ts';
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { readAt } from '../../native/files.ts';
import { isSystemError } from '../../native/index.ts';

/** What may wait in memory for the disk. Written on the way, so that the end does not wait for all of it. */
const writebackBytes = 32 * 1024 * 1024;

export class Copy implements AsyncDisposable {
  readonly #file: Descriptor;
  /** in bytes */
  readonly size: number;
  #unwritten = 0;
  #writeback: Promise<void> | undefined;

  /** Takes the descriptor over, unless it throws. What is never written is a hole of zeros. */
  constructor(file: Descriptor, size: number) {
    this.#file = file;
    this.size = size;
    try {
      ftruncateSync(file.fd, size);
    } catch (thrown) {
      throw asStoreError(thrown);
    }
  }

  /** Borrowed, for as long as the copy lives. */
  get descriptor(): Descriptor {
    return this.#file;
  }

  get reader(): Reader {
    return boundedReader(this.size, (target, position) => readAt(this.#file.fd, target, position));
  }

  /** Writes all of a piece at its place, on libuv's pool. @throws PosternError STORE_FULL */
  async write(piece: Uint8Array, offset: number): Promise<void> {
    for (let done = 0; done < piece.length; ) done += await this.#writeSome(piece.subarray(done), offset + done);
    this.#unwritten += piece.length;
    if (this.#unwritten < writebackBytes || this.#writeback !== undefined) return;
    this.#unwritten = 0;
    this.#writeback = this.#onto(fdatasync)
      // whatever it is, the last one meets it too
      .catch(() => {})
      .finally(() => {
        this.#writeback = undefined;
      });
  }

  /** Returns once all of it is on the disk. @throws PosternError STORE_FULL */
  async finish(): Promise<void> {
    await this.#writeback;
    await this.#onto(fsync);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writeback;
    this.#file[Symbol.dispose]();
  }

  #writeSome(piece: Uint8Array, offset: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#file.fd, piece, 0, piece.length, offset, (error, count) =>
        error === null ? resolve(count) : reject(asStoreError(error)),
      );
    });
  }

  #onto(sync: typeof fsync): Promise<void> {
    return new Promise((resolve, reject) => {
      sync(this.#file.fd, (error) => (error === null ? resolve() : reject(asStoreError(error))));
    });
  }
}

const full = ['ENOSPC', 'EDQUOT', 'EFBIG'];

function asStoreError(thrown: unknown): unknown {
  return isSystemError(thrown) && full.includes(thrown.code) ? new PosternError('STORE_FULL', thrown.code) : thrown;
}
