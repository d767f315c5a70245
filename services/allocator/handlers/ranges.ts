/** AllocateUserRange and RegisterUserNamespace. `allocate` and `register` read from top to bottom as the lists of their checks. */
import type { Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Handlers } from '../../../mesh/mesh.ts';
import type { Payload, Peer } from '../../../mesh/protocol.ts';
import { type Holding, nothingYet } from '../events.ts';
import { containerSize } from '../ids.ts';
import { exempt, isWithinShare } from '../limits.ts';
import { insideOf, namespaceMaps, ownIdInside } from '../map-lines.ts';
import { finalName } from '../names.ts';
import { mapsOf } from '../namespaces.ts';
import { type Parts, requireOwner } from './parts.ts';

type Call = Payload<'range.allocate'>;

export function rangeHandlers(parts: Parts): Pick<Handlers<'allocator'>, 'range.allocate' | 'range.restricted' | 'namespace.register'> {
  const { registry, namespaces, allocations } = parts;

  /** @throws the first thing that speaks against it */
  function allocate(call: Call, namespace: Descriptor): void {
    const { request, deadline, peer } = call;
    if (namespaces.isOwn(namespace)) throw new PosternError('NAMESPACE_IS_CALLERS');
    requireOwner(parts, namespace, peer);
    requireSound(call);
    requireUnregistered(namespace);
    const parent = namespaces.parentOf(namespace);
    if (parent === undefined) throw new PosternError('RANGE_NOT_DELEGATED');
    if (call.mapForeign && parent?.mapForeign === false) throw new PosternError('RANGE_NOT_DELEGATED', 'the foreign range');
    const self = call.type === 'self' ? ownIdsIn(parent, peer) : peer;
    const name = nameFor(call);
    requireRoomFor(peer);
    requireWithinShare(call, parent);

    const wanted = { parent: parent?.namespace ?? null, type: call.type, unit: call.size };
    const chosen = registry.choose({ ...wanted, delegated: call.delegateContainerRanges });
    const holding: Holding = {
      ...wanted,
      ...chosen,
      delegated: [...chosen.delegated],
      namespace: namespaces.newName(namespace),
      handle: namespaces.handleOf(namespace),
      name,
      owner: peer.uid,
      group: peer.gid,
      // Of type self alone it may be left open, and is then what the caller is called outside.
      target: call.target ?? self.uid,
      targetGroup: call.target ?? self.gid,
      mapForeign: call.mapForeign,
      ...nothingYet,
    };
    const maps = namespaceMaps({ ...holding, self });
    allocations.begin({ request, deadline, holding, maps, denySetgroups: call.type === 'self' }, namespace);
  }

  /** A namespace that its owner has mapped, to be known by a name from now on. @throws the first thing that speaks against it */
  function register(call: Payload<'namespace.register'>, namespace: Descriptor): void {
    const { request, deadline, peer } = call;
    requireOwner(parts, namespace, peer);
    requireUnregistered(namespace);
    const target = ownIdInside(namespaces.readMaps(namespace), peer);
    if (target === undefined) throw new PosternError('NAMESPACE_NOT_OWN_ID');
    const parent = namespaces.parentOf(namespace)?.namespace ?? null;
    const name = nameFor(call);
    requireRoomFor(peer);

    const wanted = { parent, type: 'registered', unit: 1 } as const;
    const holding: Holding = {
      ...wanted,
      ...registry.choose({ ...wanted, delegated: 0 }),
      delegated: [],
      namespace: namespaces.newName(namespace),
      handle: namespaces.handleOf(namespace),
      name,
      owner: peer.uid,
      group: peer.gid,
      target,
      mapForeign: false,
      ...nothingYet,
    };
    allocations.begin({ request, deadline, holding, maps: null, denySetgroups: false }, namespace);
  }

  /** The gateway has checked each field; this is what two of them mean together. */
  function requireSound({ type, size, target }: Call): void {
    if (type === 'self' && size !== 1) throw new PosternError('INVALID_PARAMETER', 'type self has size 1', 'size');
    if (type === 'self' ? target !== null && target !== 0 : target === null) {
      throw new PosternError('INVALID_PARAMETER', 'type self maps to 0, or to itself', 'target');
    }
  }

  function requireUnregistered(namespace: Descriptor): void {
    const holding = namespaces.recognise(namespace);
    if (holding === undefined) return;
    const isOpen = !holding.mapped && !allocations.concerns(holding.namespace);
    if (isOpen && namespaces.settle(holding, namespace) === 'undone') return;
    throw new PosternError('NAMESPACE_EXISTS');
  }

  /** The caller's own IDs as the namespace's parent calls them. */
  function ownIdsIn(parent: Holding | null, { uid, gid }: Peer): { uid: number; gid: number } {
    if (parent === null) return { uid, gid };
    const maps = mapsOf(parent);
    const inside = { uid: insideOf(maps.uid, uid), gid: insideOf(maps.gid, gid) };
    if (inside.uid === undefined || inside.gid === undefined) throw new PosternError('RANGE_NOT_DELEGATED', "the caller's own ID");
    return { uid: inside.uid, gid: inside.gid };
  }

  function nameFor({ name, mangleName, cookie, peer }: Pick<Call, 'name' | 'mangleName' | 'cookie' | 'peer'>): string {
    return finalName({
      name,
      mangle: mangleName,
      uid: peer.uid,
      hash: () => parts.hash(`${cookie} ${name}`),
      isTaken: (candidate) => registry.tree.isNameTaken(candidate),
    });
  }

  function requireRoomFor({ uid }: Peer): void {
    if (uid !== exempt && registry.tree.countOf(uid) >= parts.limits.namespaces_per_user) {
      throw new PosternError('LIMIT_REACHED', 'namespaces of one user');
    }
  }

  function requireWithinShare({ peer: { uid }, type, size, delegateContainerRanges }: Call, parent: Holding | null): void {
    // What a node was given is its own to use up.
    if (uid === exempt || parent !== null) return;
    const { share_per_user } = parts.limits;
    const own = type === 'managed' ? 1 : 0;
    const needs = { 65536: delegateContainerRanges + (size === containerSize ? own : 0), 1: size === 1 ? own : 0 } as const;
    for (const unit of [1, 65536] as const) {
      const pool = registry.tree.pool(null, unit);
      if (needs[unit] === 0 || pool === undefined) continue;
      const fits = isWithinShare(pool.counts(), pool.usedBy(uid), needs[unit], share_per_user);
      if (!fits) throw new PosternError('LIMIT_REACHED', 'ranges of one user');
    }
  }

  return {
    'range.allocate'(call, [namespace]) {
      if (namespace === undefined) throw new PosternError('INTERNAL');
      allocate(call, namespace);
    },

    'range.restricted'({ request, namespace, refusal }) {
      allocations.restricted(request, namespace, refusal);
    },

    'namespace.register'(call, [namespace]) {
      if (namespace === undefined) throw new PosternError('INTERNAL');
      register(call, namespace);
    },
  };
}
