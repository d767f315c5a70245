/** What this service answers. `allocate` and `mount` read from top to bottom as the list of their checks. */
import { closeAll, type Descriptor } from '../../mesh/descriptors.ts';
import { PosternError } from '../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../mesh/mesh.ts';
import type { Holder, Payload, Peer } from '../../mesh/protocol.ts';
import type { Allocations } from './allocation.ts';
import type { Authority } from './authority.ts';
import type { AllocatorConfig } from './config.ts';
import type { ControlGroups } from './control-groups.ts';
import { isTrusted, levelsUp, mapMode, mountMaps, ownershipOf, rangeOf } from './directories.ts';
import type { Endings } from './endings.ts';
import type { Holding } from './events.ts';
import { containerSize } from './ids.ts';
import { imageName } from './image-name.ts';
import { addInterface } from './interfaces.ts';
import { exempt, isWithinShare } from './limits.ts';
import { isOwn, makeForeignDirectory } from './make-directory.ts';
import { insideOf, namespaceMaps, ownIdInside } from './map-lines.ts';
import { finalName } from './names.ts';
import { mapsOf, type Namespaces } from './namespaces.ts';
import { findRecord } from './records.ts';
import type { Registry } from './registry.ts';

export interface Parts {
  readonly mesh: Mesh<'allocator'>;
  readonly limits: Pick<AllocatorConfig, 'namespaces_per_user' | 'interfaces_per_user' | 'share_per_user'>;
  readonly registry: Registry;
  readonly namespaces: Namespaces;
  readonly allocations: Allocations;
  readonly groups: Pick<ControlGroups, 'give'>;
  readonly endings: Pick<Endings, 'end' | 'removed'>;
  readonly authority: Authority;
  /** a keyed hash, in hexadecimal digits */
  readonly hash: (text: string) => string;
  /** whether an ID belongs to the pools */
  readonly isPooled: (id: number) => boolean;
  /** whether an image lies directly in a directory that the operator trusts, where only root could have put it and can change it */
  readonly isInTrustedDirectory: (image: Descriptor, name: string | null) => boolean;
  /** hears whether the kernel enforces the policy */
  readonly policy: (enforcing: boolean, reason: string) => void;
}

type Call = Payload<'range.allocate'>;

export function allocatorHandlers(parts: Parts): Handlers<'allocator'> {
  const { mesh, registry, namespaces, allocations, authority } = parts;

  /** @throws the first thing that speaks against it */
  function allocate(call: Call, namespace: Descriptor): void {
    const { request, deadline, peer } = call;
    if (namespaces.isOwn(namespace)) throw new PosternError('NAMESPACE_IS_CALLERS');
    requireOwner(namespace, peer);
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
      mapped: false,
      interfaces: [],
      controlGroups: [],
      ended: false,
    };
    const maps = namespaceMaps({ ...holding, self });
    allocations.begin({ request, deadline, holding, maps, denySetgroups: call.type === 'self' }, namespace);
  }

  /** A namespace that its owner has mapped, to be known by a name from now on. @throws the first thing that speaks against it */
  function register(call: Payload<'namespace.register'>, namespace: Descriptor): void {
    const { request, deadline, peer } = call;
    requireOwner(namespace, peer);
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
      mapped: false,
      interfaces: [],
      controlGroups: [],
      ended: false,
    };
    allocations.begin({ request, deadline, holding, maps: null, denySetgroups: false }, namespace);
  }

  function requireOwner(namespace: Descriptor, peer: Peer): void {
    if (peer.uid !== exempt && namespaces.ownerOf(namespace) !== peer.uid) throw new PosternError('NAMESPACE_NOT_YOURS');
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

  /** Whom the mount is for; null for the host itself, which only root may have mounts for, and whom polkit lets. */
  function holderOf(namespace: Descriptor | undefined, { peer, consult }: Pick<Payload<'image.mount'>, 'peer' | 'consult'>): Holder | null {
    if (namespace === undefined) {
      if (peer.uid !== exempt && consult === null) throw new PosternError('PERMISSION_DENIED', 'a mount without a user namespace');
      return null;
    }
    requireOwner(namespace, peer);
    return peer.uid === exempt && namespaces.isOwn(namespace) ? null : namespaces.holderOf(namespace);
  }

  /** What comes behind the namespace, a sidecar or the caller's process, goes on as it is. */
  function mount({ hasNamespace, options, ...asked }: Payload<'image.mount'>, descriptors: Descriptor[]): void {
    const [image, ...rest] = descriptors;
    if (image === undefined) throw new PosternError('INTERNAL');
    const name = imageName(image);
    const call = { ...asked, options: { ...options, imageName: name }, isInTrustedDirectory: parts.isInTrustedDirectory(image, name) };
    if (!hasNamespace) {
      mesh.pass('verity', 'image.verify', { ...call, holder: holderOf(undefined, call) }, descriptors);
      return;
    }
    const [namespace, ...others] = rest;
    if (namespace === undefined) throw new PosternError('INTERNAL');
    const holder = holderOf(namespace, call);
    if (holder === null) namespace.close();
    mesh.pass('verity', 'image.verify', { ...call, holder }, holder === null ? [image, ...others] : descriptors);
  }

  /** Keeps `directory` and `namespace`, which go on; `process` is the caller's to close. */
  async function mountDirectory(
    call: Payload<'directory.mount'>,
    directory: Descriptor,
    process: Descriptor,
    namespace: Descriptor | undefined,
  ): Promise<void> {
    const { request, deadline, peer, readOnly, mode: asked } = call;
    const holder = holderOf(namespace, call);
    const ownership = ownershipOf(namespaces.ownersOf(directory, levelsUp), peer);
    if (!isTrusted(ownership, peer) && !(await authority.mayMount(call, directory, process))) throw new PosternError('DIRECTORY_NOT_YOURS');
    const mode = mapMode(asked, ownership, holder === null);
    // Through such a mount an ID could get onto a lasting disk that is somebody else's tomorrow.
    if (mode === 'root' && parts.isPooled(peer.uid)) throw new PosternError('DIRECTORY_TRANSIENT');
    const mounts = namespaces.mountsOf(process, peer.pid);
    if (mounts === null) throw new PosternError('PERMISSION_DENIED', 'the process that connected has ended');
    const sent = [directory, mounts];
    try {
      if (holder === null || namespace === undefined) namespace?.close();
      else {
        sent.push(namespace);
        if (mode !== 'identity') {
          const start = rangeOf(namespaces.readMaps(namespace), parts.isPooled);
          sent.push(namespaces.make(mountMaps(mode, peer, start)));
        }
      }
    } catch (thrown) {
      mounts.close();
      throw thrown;
    }
    mesh.pass('mounter', 'directory.attach', { request, deadline, holder, readOnly, isMapped: mode !== 'identity' }, sent);
  }

  function addControlGroup({ request, peer }: Payload<'control-group.add'>, namespace: Descriptor, folder: Descriptor): void {
    const holding = namespaces.recognise(namespace);
    if (holding?.mapped !== true) throw new PosternError('NAMESPACE_NOT_REGISTERED');
    requireOwner(namespace, peer);
    parts.groups.give(folder, holding, peer);
    mesh.send('gateway', 'control-group.added', { request });
  }

  /** The gateway has seen to it that root asks. */
  function addMount({ request }: Payload<'mount.add'>, descriptors: Descriptor[]): void {
    const [namespace] = descriptors;
    if (namespace === undefined) throw new PosternError('INTERNAL');
    const holding = namespaces.recognise(namespace);
    if (holding?.mapped !== true) throw new PosternError('NAMESPACE_NOT_REGISTERED');
    if (holding.guarded && namespaces.holderOf(namespace).transient) {
      mesh.pass('lsm', 'mount.admit', { request }, descriptors);
      return;
    }
    closeAll(descriptors);
    mesh.send('gateway', 'mount.added', { request });
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

    'mount.add': addMount,

    'interface.add'(call, [namespace, network]) {
      if (namespace === undefined) throw new PosternError('INTERNAL');
      requireOwner(namespace, call.peer);
      addInterface(parts, call, namespace, network);
      namespace.close();
    },

    'interfaces.removed'({ namespace, complete }) {
      parts.endings.removed(namespace, complete);
    },

    'control-group.add'(call, [namespace, folder]) {
      if (namespace === undefined || folder === undefined) throw new PosternError('INTERNAL');
      try {
        addControlGroup(call, namespace, folder);
      } finally {
        closeAll([namespace, folder]);
      }
    },

    'image.mount'(call, descriptors) {
      try {
        mount(call, descriptors);
      } finally {
        call.password?.fill(0);
      }
    },

    async 'directory.mount'(call, [directory, process, namespace]) {
      if (directory === undefined || process === undefined) throw new PosternError('INTERNAL');
      try {
        await mountDirectory(call, directory, process, namespace);
      } finally {
        closeAll([process]);
      }
    },

    async 'directory.make'(call, descriptors) {
      const [parent, process] = descriptors;
      if (parent === undefined) throw new PosternError('INTERNAL');
      try {
        if (!isOwn(parent, call.peer) && !(await authority.mayMake(call, parent, process))) throw new PosternError('DIRECTORY_NOT_YOURS');
        mesh.send('gateway', 'directory.made', { request: call.request }, [makeForeignDirectory(parent, call.name, call.mode)]);
      } finally {
        closeAll(descriptors);
      }
    },

    'authority.told'(answer) {
      authority.told(answer);
    },

    'record.find'({ request, ...wanted }) {
      mesh.send('gateway', 'record.found', { request, ...findRecord(registry.tree, wanted) });
    },

    'policy.state'({ enforcing, reason }) {
      parts.policy(enforcing, reason);
    },

    'namespace.gone'({ namespace }) {
      const holding = registry.tree.find(namespace);
      if (holding === undefined) return;
      if (namespaces.isGone(holding) === false) mesh.log.error({ namespace }, 'the lsm service says it is gone, the kernel that it lives');
      else parts.endings.end(namespace);
    },
  };
}
