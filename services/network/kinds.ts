/** The kinds of interface that there are: how each comes to be, and how it is told that one is there already. */
import { constants, openSync } from 'node:fs';
import { Descriptor } from '../../mesh/descriptors.ts';
import type { Payload } from '../../mesh/protocol.ts';
import { tunFlags } from '../../native/constants.ts';
import { type Addon, isSystemError } from '../../native/index.ts';
import { addressOf } from './addresses.ts';
import { labelOf } from './label.ts';
import { LinkError, type Links } from './links.ts';

export type Order = Payload<'interface.make'>;

/** `ours`: it is the very one that is asked for, and known to be; `bare`: the same, but without its label. */
export type Recognition = 'ours' | 'bare' | 'another';

/** How an interface of one kind is made. */
export interface Making {
  /** @throws LinkError EEXIST where one of its names is taken */
  make(): void;
  recognise(): Recognition;
  /** Takes away what `make` made. */
  undo(): void;
  /** what its new owner is handed */
  readonly descriptors: readonly Descriptor[];
}

const tun = '/dev/net/tun';

/** A pair: one end on the host, the other in a network namespace. Both are down until somebody sets them up. */
export function veth(links: Links, { name, namespace, inner }: Order, networkNamespace: Descriptor): Making {
  const address = addressOf(name, 'host');
  return {
    descriptors: [],
    make: () => links.makeVeth({ name, address }, { name: inner ?? '', address: addressOf(name, 'inside') }, networkNamespace.fd),
    recognise() {
      const found = links.find(name);
      if (found?.kind !== 'veth' || found.peerNamespace === null) return 'another';
      if (found.peerNamespace !== links.numberOf(networkNamespace.fd)) return 'another';
      if (found.alias === labelOf(namespace)) return 'ours';
      return found.alias === null && Buffer.compare(found.address, address) === 0 ? 'bare' : 'another';
    },
    undo() {
      const found = links.find(name);
      if (found !== null) links.remove(found.index);
    },
  };
}

/** An interface that a program feeds, by a descriptor that it ends with, and that nobody has but its owner. */
export class Tap implements Making {
  readonly #addon: Pick<Addon, 'tunSetInterface' | 'tunSetOwner'>;
  readonly #links: Links;
  readonly #order: Order;
  #descriptor: Descriptor | undefined;

  constructor(addon: Pick<Addon, 'tunSetInterface' | 'tunSetOwner'>, links: Links, order: Order) {
    this.#addon = addon;
    this.#links = links;
    this.#order = order;
  }

  get descriptors(): readonly Descriptor[] {
    return this.#descriptor === undefined ? [] : [this.#descriptor];
  }

  make(): void {
    const { name, owner } = this.#order;
    const descriptor = openTun();
    this.#descriptor = descriptor;
    try {
      this.#addon.tunSetInterface(
        descriptor.fd,
        name,
        tunFlags.IFF_TAP | tunFlags.IFF_NO_PI | tunFlags.IFF_VNET_HDR | tunFlags.IFF_TUN_EXCL,
      );
      this.#addon.tunSetOwner(descriptor.fd, owner);
      this.#links.setAddress(name, addressOf(name, 'host'));
    } catch (thrown) {
      this.undo();
      throw isSystemError(thrown) ? new LinkError(thrown.code, thrown.syscall, null) : thrown;
    }
  }

  /** Its descriptor can't be had a second time. */
  recognise(): Recognition {
    return 'another';
  }

  undo(): void {
    this.#descriptor?.close();
    this.#descriptor = undefined;
  }
}

function openTun(): Descriptor {
  try {
    return new Descriptor(openSync(tun, constants.O_RDWR));
  } catch (thrown) {
    if (!isSystemError(thrown)) throw thrown;
    // Without the node this kernel has no taps, as far as we can know.
    throw new LinkError(thrown.code === 'ENOENT' || thrown.code === 'ENODEV' ? 'EOPNOTSUPP' : thrown.code, 'open', null);
  }
}
