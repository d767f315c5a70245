/** What is asked of rtnetlink about interfaces, and what it tells (linux/rtnetlink.h, if_link.h, veth.h, net_namespace.h). Pure. */
import {
  type Attribute,
  aligned,
  decodeAttributes,
  encodeAttributes,
  joined,
  littleEndian,
  MalformedMessage,
  numberOf,
  textOf,
  viewOf,
} from './attributes.ts';
import { requestFlags } from './message.ts';

/** A request but for its number. */
export interface LinkRequest {
  /** the kernel's name for it, for people */
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `veth`, `tun` and so on; null of what is no virtual interface */
  readonly kind: string | null;
  readonly alias: string | null;
  readonly address: Uint8Array;
  /** which network namespace the other end is in, by the number that ours knows it by; null where it is in ours, or there is none */
  readonly peerNamespace: number | null;
}

const types = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  setLink: 19,
  newNamespaceId: 88,
  getNamespaceId: 90,
  newLinkProperty: 108,
} as const;

const link = {
  address: 1,
  name: 3,
  info: 18,
  alias: 20,
  namespaceDescriptor: 28,
  filter: 29,
  peerNamespace: 37,
  properties: 52,
  alternativeName: 53,
} as const;
const linkInfo = { kind: 1, data: 2 } as const;
const vethPeer = 1;
const namespaceId = { id: 1, descriptor: 3 } as const;
/** RTEXT_FILTER_SKIP_STATS: nobody asked for counters */
const withoutCounters = 1 << 3;

/** struct ifinfomsg */
const interfaceBytes = 16;
/** struct rtgenmsg, padded */
const familyBytes = 4;

const { request, acknowledge, exclusive, create } = requestFlags;

function interfaceHeader(index = 0): Uint8Array {
  const header = new DataView(new ArrayBuffer(interfaceBytes));
  header.setInt32(4, index, littleEndian);
  return new Uint8Array(header.buffer);
}

function linkBody(attributes: readonly Attribute[], index?: number): Uint8Array {
  return joined([interfaceHeader(index), encodeAttributes(attributes)]);
}

/** An end of a pair: its name and its address, six bytes. */
export interface End {
  readonly name: string;
  readonly address: Uint8Array;
}

/** A pair of connected interfaces, one here, the other born in the network namespace of a descriptor. */
export function makeVeth(here: End, there: End, namespaceFd: number): LinkRequest {
  const peer = linkBody([
    [link.name, there.name],
    [link.address, there.address],
    [link.namespaceDescriptor, namespaceFd],
  ]);
  const body = linkBody([
    [link.name, here.name],
    [link.address, here.address],
    [
      link.info,
      [
        [linkInfo.kind, 'veth'],
        [linkInfo.data, [[vethPeer, peer]]],
      ],
    ],
  ]);
  return { name: 'RTM_NEWLINK', type: types.newLink, flags: request | acknowledge | create | exclusive, body };
}

/** What `ip link` shows as the alias of an interface. */
export function setAlias(name: string, alias: string): LinkRequest {
  const body = linkBody([
    [link.name, name],
    [link.alias, alias],
  ]);
  return { name: 'RTM_SETLINK', type: types.setLink, flags: request | acknowledge, body };
}

export function setAddress(name: string, address: Uint8Array): LinkRequest {
  const body = linkBody([
    [link.name, name],
    [link.address, address],
  ]);
  return { name: 'RTM_SETLINK', type: types.setLink, flags: request | acknowledge, body };
}

/** A further name, which may be longer: up to 127 bytes. */
export function addAlternativeName(name: string, alternative: string): LinkRequest {
  const body = linkBody([
    [link.name, name],
    [link.properties, [[link.alternativeName, alternative]]],
  ]);
  return { name: 'RTM_NEWLINKPROP', type: types.newLinkProperty, flags: request | acknowledge | create | exclusive, body };
}

/** By its name or an alternative one, which the attribute for names would be too short for. Answered with a link. */
export function getLink(name: string): LinkRequest {
  const body = linkBody([
    [link.alternativeName, name],
    [link.filter, withoutCounters],
  ]);
  return { name: 'RTM_GETLINK', type: types.getLink, flags: request, body };
}

export function deleteLink(index: number): LinkRequest {
  return { name: 'RTM_DELLINK', type: types.deleteLink, flags: request | acknowledge, body: linkBody([], index) };
}

/** Which number our network namespace knows another by. Answered with a namespace ID. */
export function getNamespaceId(namespaceFd: number): LinkRequest {
  const body = joined([new Uint8Array(familyBytes), encodeAttributes([[namespaceId.descriptor, namespaceFd]])]);
  return { name: 'RTM_GETNSID', type: types.getNamespaceId, flags: request, body };
}

/** @throws MalformedMessage */
export function readLink(type: number, body: Uint8Array): Link {
  if (type !== types.newLink || body.length < interfaceBytes) throw new MalformedMessage('no link');
  const attributes = decodeAttributes(body.subarray(interfaceBytes));
  const info = attributes.get(link.info);
  return {
    index: viewOf(body).getInt32(4, littleEndian),
    name: textOf(attributes.get(link.name)) ?? '',
    kind: info === undefined ? null : textOf(decodeAttributes(info).get(linkInfo.kind)),
    alias: textOf(attributes.get(link.alias)),
    address: attributes.get(link.address) ?? new Uint8Array(0),
    peerNamespace: numberOf(attributes.get(link.peerNamespace)),
  };
}

/** Null where it has none yet. @throws MalformedMessage */
export function readNamespaceId(type: number, body: Uint8Array): number | null {
  if (type !== types.newNamespaceId || body.length < aligned(1)) throw new MalformedMessage('no namespace ID');
  const id = numberOf(decodeAttributes(body.subarray(familyBytes)).get(namespaceId.id));
  return id === null || id < 0 ? null : id;
}
