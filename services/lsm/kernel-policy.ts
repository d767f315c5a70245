/** The policy in force, fed through its maps. The maps are the truth; what is kept here only finds entries again. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import { isSystemError, native, type Poller } from '../../native/index.ts';
import type { LsmAddon } from '../../native/lsm/index.ts';
import type { Pins } from './pins.ts';
import type { Policy, Restriction } from './policy.ts';
import * as state from './state.ts';

/** As many entries as the maps hold. */
const keyLimit = 1 << 20;

export interface Facts {
  readonly programs: readonly string[];
  /** what the promise would need and this kernel has not */
  readonly missing: readonly string[];
}

export class KernelPolicy implements Policy {
  readonly #addon: LsmAddon;
  readonly #pins: Pins;
  readonly #facts: Facts;
  readonly #maps: {
    readonly holders: number;
    readonly allowed: number;
    readonly handedOut: number;
    /** none where an earlier version's policy was kept, under which nobody may give */
    readonly givers?: number;
    readonly counters: number;
    readonly news: number;
  };
  readonly #ring;
  readonly #poller: Poller;
  readonly #onGone: (namespace: string) => void;
  readonly #inums = new Map<string, number>();
  readonly #bySuperblock = new Map<bigint, Set<string>>();

  /** @param onGone hears the name of each restricted namespace that ended, also of those that ended while no service ran */
  constructor(addon: LsmAddon, pins: Pins, facts: Facts, onGone: (namespace: string) => void) {
    this.#addon = addon;
    this.#pins = pins;
    this.#facts = facts;
    this.#onGone = onGone;
    const map = (name: string) => addon.openMap(join(pins.maps, name));
    this.#maps = {
      holders: map('holders'),
      allowed: map('allowed'),
      handedOut: map('handed_out'),
      ...(pins.how === 'kept' ? {} : { givers: map('givers') }),
      counters: map('counters'),
      news: map('news'),
    };
    this.#reconcile();
    this.#ring = addon.openRing(this.#maps.news);
    this.#poller = native.poll(addon.ringDescriptor(this.#ring), () => this.#drain());
    this.#poller.watch(true, false);
    this.#drain();
  }

  restrict(namespaceFd: number, namespace: string, { transient, denySetgroups }: Restriction): void {
    const inum = Number(native.describe(namespaceFd).inode);
    const holder = { cookie: randomBytes(8).readBigUInt64LE(), ownId: !transient, denySetgroups, name: namespace };
    this.#addon.update(this.#maps.holders, state.number32(inum), state.packHolder(holder));
    this.#inums.set(namespace, inum);
  }

  allow(namespaceFd: number, mountFds: readonly number[]): boolean {
    const holder = this.#holderAbove(namespaceFd);
    if (holder === null) throw new PosternError('NAMESPACE_GONE');
    const lines = new Map(state.readMountLines(this.#addon.readIterator(join(this.#pins.links, 'mounts'))).map((line) => [line.fd, line]));
    const idmapped = mountFds.flatMap((fd) => {
      const line = lines.get(fd);
      return line === undefined || line.idmap === 0n ? [] : [line];
    });
    if (idmapped.length < mountFds.length) return false;
    for (const line of idmapped) {
      this.#addon.update(this.#maps.handedOut, state.number64(line.superblock), new Uint8Array([1]));
      const key = state.packAllowance({ cookie: holder.cookie, superblock: line.superblock, idmap: line.idmap });
      this.#addon.update(this.#maps.allowed, key, new Uint8Array([1]));
      this.#remember(key);
    }
    return true;
  }

  letGive(processFd: number): void {
    if (this.#maps.givers === undefined) return;
    try {
      this.#addon.update(this.#maps.givers, state.number32(processFd), state.number32(1));
    } catch (thrown) {
      if (!isSystemError(thrown) || !['ESRCH', 'ENOENT'].includes(thrown.code)) throw thrown;
    }
  }

  release(namespace: string): void {
    const inum = this.#inums.get(namespace);
    if (inum === undefined) return;
    this.#inums.delete(namespace);
    const found = this.#holder(inum);
    if (found?.name === namespace) this.#addon.remove(this.#maps.holders, state.number32(inum));
  }

  report(): Record<string, unknown> {
    const counter = (index: number) =>
      Number(state.readNumber64(this.#addon.lookup(this.#maps.counters, state.number32(index), 8) ?? state.number64(0n)));
    return {
      programs: [...this.#facts.programs],
      missing: [...this.#facts.missing],
      pins: this.#pins.how,
      namespaces: this.#inums.size,
      denied: counter(0),
      newsLost: counter(1),
    };
  }

  close(): void {
    this.#poller.close();
    for (const fd of Object.values(this.#maps)) native.close(fd);
  }

  #holder(inum: number): state.Holder | null {
    const bytes = this.#addon.lookup(this.#maps.holders, state.number32(inum), state.holderBytes);
    return bytes === null ? null : state.readHolder(bytes);
  }

  /** The nearest namespace upwards that holds a range, as holders.h finds it. */
  #holderAbove(namespaceFd: number): state.Holder | null {
    for (let at: Descriptor | null = new Descriptor(native.duplicate(namespaceFd)); at !== null; ) {
      using here = at;
      const holder = this.#holder(Number(native.describe(here.fd).inode));
      if (holder !== null && !holder.ownId) return holder;
      const parent = native.namespaceParent(here.fd);
      at = parent === null ? null : new Descriptor(parent);
    }
    return null;
  }

  #remember(key: Uint8Array): void {
    const { superblock } = state.readAllowance(key);
    const keys = this.#bySuperblock.get(superblock) ?? new Set();
    keys.add(Buffer.from(key).toString('hex'));
    this.#bySuperblock.set(superblock, keys);
  }

  /** Learns what an earlier life left: who is restricted, and which allowances belong to nobody any more. */
  #reconcile(): void {
    const cookies = new Set<bigint>();
    for (const key of this.#addon.keys(this.#maps.holders, 4, keyLimit)) {
      const inum = state.readNumber32(key);
      const holder = this.#holder(inum);
      if (holder === null) continue;
      this.#inums.set(holder.name, inum);
      cookies.add(holder.cookie);
    }
    for (const key of this.#addon.keys(this.#maps.allowed, state.allowanceBytes, keyLimit)) {
      if (cookies.has(state.readAllowance(key).cookie)) this.#remember(key);
      else this.#addon.remove(this.#maps.allowed, key);
    }
  }

  #drain(): void {
    for (const bytes of this.#addon.drainRing(this.#ring)) {
      const news = state.readNews(bytes);
      if (news?.kind === 'namespace-gone') {
        this.#inums.delete(news.name);
        this.#onGone(news.name);
      } else if (news?.kind === 'superblock-gone') {
        for (const key of this.#bySuperblock.get(news.superblock) ?? []) this.#addon.remove(this.#maps.allowed, Buffer.from(key, 'hex'));
        this.#bySuperblock.delete(news.superblock);
      }
    }
  }
}
