/**
 * Gets a checked copy of a file system into the hands of a request: from the store where it is there and this very file was checked
 * before, else by checking the file against the signed root hash, and copying it meanwhile where the store has no copy.
 */

import { toHex } from '../../image/bytes.ts';
import { hashDevice, protectedSize, type Verity } from '../../image/image.ts';
import { section } from '../../image/reader.ts';
import { type HashBlocks, VerityTree } from '../../image/verity-check.ts';
import { type DataStream, streamData } from '../../image/verity-stream.ts';
import { PosternError } from '../../mesh/errors.ts';
import { Flights, type OnProgress, type Waiter } from './flights.ts';
import type { Lanes } from './lanes.ts';
import { LeastRecentlyUsed } from './lru.ts';
import type { Source } from './source.ts';
import { type Held, Store } from './store.ts';

/** Files that are remembered as checked; each takes about 300 bytes. */
const rememberedFiles = 16_384;
/** A copy that was made for a request can be gone again when it is opened, where the store is much too small. */
const maxAttempts = 4;

/** A file system that a caller wants mounted, with a root hash that is known to be signed. */
export interface Wanted {
  readonly image: Source;
  readonly sidecar: Source | undefined;
  readonly verity: Verity;
  readonly dataOffset: number;
  readonly rootHash: Uint8Array;
  /** whose turns the work takes */
  readonly uid: number;
}

export interface Obtained extends Held {
  /** nothing of the image's data had to be read */
  readonly cached: boolean;
}

/** Runs all the data past the tree, with what is to happen to it. */
type Stream = (rest: Pick<DataStream, 'sink' | 'progress'>) => Promise<void>;

export class Keeper {
  readonly #store: Store;
  readonly #lanes: Lanes;
  readonly #hash: HashBlocks;
  readonly #flights = new Flights<{ readonly file: string | null }>();
  /** files whose every byte was found to be of the copy of that name */
  readonly #checked = new LeastRecentlyUsed<string, true>(rememberedFiles);
  #unnamed = 0;
  readonly #counts = { hits: 0, checks: 0, copies: 0 };

  constructor(store: Store, lanes: Lanes, hash: HashBlocks) {
    this.#store = store;
    this.#lanes = lanes;
    this.#hash = hash;
  }

  /**
   * @throws PosternError VERITY_DATA, VERITY_TREE, IMAGE_CHANGED, IMAGE_UNREADABLE, IMAGE_TOO_LARGE, STORE_FULL, FILE_SYSTEM_UNKNOWN, CANCELLED
   */
  async obtain(wanted: Wanted, waiter: Waiter): Promise<Obtained> {
    const name = Store.nameOf(toHex(wanted.rootHash), protectedSize(wanted.verity));
    const file = identityOf(wanted, name);
    if (file !== null && this.#checked.get(file) === true) {
      const held = await this.#store.open(name);
      if (held !== null) {
        this.#counts.hits += 1;
        return { ...held, cached: true };
      }
    }
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      await this.#prove(wanted, name, file, waiter);
      const held = await this.#store.open(name);
      if (held !== null) return { ...held, cached: false };
    }
    throw new PosternError('STORE_FULL', 'the copy was gone before it could be mounted');
  }

  status(): Record<string, number> {
    return { ...this.#counts, underWay: this.#flights.size, waitingPieces: this.#lanes.waiting };
  }

  /** Returns once every byte of this file was checked and the store had a copy. */
  async #prove(wanted: Wanted, name: string, file: string | null, waiter: Waiter): Promise<void> {
    const key = `copy ${name}`;
    while (!this.#store.has(name)) {
      const begun = this.#flights.labelOf(key);
      const ours = begun === undefined || (file !== null && begun.file === file);
      try {
        await this.#flights.board(key, { file }, waiter, (signal, progress) => this.#copy(wanted, name, file, signal, progress));
        if (ours) return;
      } catch (thrown) {
        if (ours || waiter.signal.aborted) throw thrown;
        // Another file claims the same root hash and is damaged: that says nothing about this one.
      }
    }
    const check = `check ${file ?? `${name} ${++this.#unnamed}`}`;
    await this.#flights.board(check, { file }, waiter, (signal, progress) => this.#check(wanted, file, signal, progress));
  }

  async #copy(wanted: Wanted, name: string, file: string | null, signal: AbortSignal, progress: OnProgress): Promise<void> {
    await this.#open(wanted, signal, async (tree, stream) => {
      using room = this.#store.reserve(tree.dataSize);
      const copy = this.#store.create(tree.dataSize);
      try {
        await stream({
          sink: (piece, offset) => copy.write(piece, offset),
          progress: (done) => {
            room.remaining = tree.dataSize - done;
            progress({ phase: 'copying', done, total: tree.dataSize });
          },
        });
      } catch (thrown) {
        await copy[Symbol.asyncDispose]();
        throw thrown;
      }
      await this.#store.add(copy, name);
    });
    this.#counts.copies += 1;
    this.#remember(wanted, file);
  }

  async #check(wanted: Wanted, file: string | null, signal: AbortSignal, progress: OnProgress): Promise<void> {
    await this.#open(wanted, signal, (tree, stream) =>
      stream({ progress: (done) => progress({ phase: 'checking', done, total: tree.dataSize }) }),
    );
    this.#counts.checks += 1;
    this.#remember(wanted, file);
  }

  /** Does work on descriptors of its own, since the request that began it may end before. */
  async #open(wanted: Wanted, signal: AbortSignal, work: (tree: VerityTree, stream: Stream) => Promise<void>): Promise<void> {
    const { verity, dataOffset, rootHash, uid } = wanted;
    const image = wanted.image.duplicate();
    using _image = image.descriptor;
    const sidecar = wanted.sidecar?.duplicate();
    using _sidecar = sidecar?.descriptor;
    const checkUnchanged = () => {
      image.checkUnchanged();
      sidecar?.checkUnchanged();
    };
    try {
      checkUnchanged();
      const device = hashDevice(verity, image.reader, sidecar?.reader);
      const tree = await VerityTree.open(device, verity.superblock, rootHash, this.#hash);
      const data = section(image.reader, dataOffset, tree.dataSize);
      const { dataBlockSize } = verity.superblock;
      await work(tree, async (rest) => {
        await streamData({ tree, data, dataBlockSize, turn: this.#lanes.of(uid), signal, ...rest });
        checkUnchanged();
      });
    } catch (thrown) {
      // Whatever else seems wrong with a file that is being written to, that is the cause.
      if (!signal.aborted) checkUnchanged();
      throw thrown;
    }
  }

  #remember({ image, sidecar }: Wanted, file: string | null): void {
    if (file !== null && image.atRest && (sidecar?.atRest ?? true)) this.#checked.set(file, true);
  }
}

/** What tells one file with such a root hash from another; null where nothing does. */
function identityOf({ image, sidecar }: Wanted, name: string): string | null {
  if (image.identity === null || sidecar?.identity === null) return null;
  return `${image.identity} ${sidecar?.identity ?? ''} ${name}`;
}
