/** AddNetworkToUserNamespace, as far as it is a question of whose the namespaces are. Reads as the list of its checks. */
import type { Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import type { Payload } from '../../mesh/protocol.ts';
import type { AllocatorConfig } from './config.ts';
import { interfaceNames } from './interface-names.ts';
import { exempt, interfacesPerNamespace } from './limits.ts';
import type { Namespaces } from './namespaces.ts';
import type { Registry } from './registry.ts';

/** What the inner end is called where nobody says it; systemd-networkd knows it by that name. */
const defaultInner = 'host0';

export interface Desk {
  readonly mesh: Mesh<'allocator'>;
  readonly limits: Pick<AllocatorConfig, 'interfaces_per_user'>;
  readonly registry: Registry;
  readonly namespaces: Namespaces;
}

/**
 * Takes over `network`; `namespace` stays the caller's to close.
 * @param network the network namespace that gets the other end; undefined for a tap
 * @throws the first thing that speaks against it
 */
export function addInterface(
  { mesh, limits, registry, namespaces }: Desk,
  { request, peer, kind, inner }: Payload<'interface.add'>,
  namespace: Descriptor,
  network: Descriptor | undefined,
): void {
  // The host's own, and those of strangers, belong to other user namespaces.
  if (network !== undefined && !namespaces.isUserOf(namespace, network)) throw new PosternError('NETWORK_NOT_OF_NAMESPACE');
  const holding = namespaces.recognise(namespace);
  if (holding?.mapped !== true) throw new PosternError('NAMESPACE_NOT_REGISTERED');
  if (peer.uid !== exempt && peer.uid !== holding.owner) throw new PosternError('PERMISSION_DENIED', 'another user registered it');
  const names = interfaceNames(holding, { kind, inner });
  const known = holding.interfaces;
  if (!known.some(({ name }) => name === names.name)) {
    if (known.length >= interfacesPerNamespace) throw new PosternError('TOO_MANY_INTERFACES');
    const mayHaveMore = peer.uid === exempt || registry.tree.belongings.interfacesOf(holding.owner) < limits.interfaces_per_user;
    if (!mayHaveMore) throw new PosternError('LIMIT_REACHED', 'network interfaces of one user');
    // Before it is there, so that whatever happens it is known to whoever has to remove it.
    registry.addInterface(holding.namespace, names);
  }
  const order = { request, namespace: holding.namespace, kind, ...names, inner: kind === 'veth' ? (inner ?? defaultInner) : null };
  const owner = holding.start ?? holding.owner;
  mesh.pass('network', 'interface.make', { ...order, owner }, network === undefined ? [] : [network]);
}
