/** What mounts and directories are asked of: whose they may be, and for whom. The next services do the rest. */
import { closeAll, type Descriptor } from '../../../mesh/descriptors.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Handlers } from '../../../mesh/mesh.ts';
import type { Holder, Payload } from '../../../mesh/protocol.ts';
import { isTrusted, levelsUp, mapMode, mountMaps, ownershipOf, rangeOf } from '../directories.ts';
import { imageName } from '../image-name.ts';
import { exempt } from '../limits.ts';
import { isOwn, makeForeignDirectory } from '../make-directory.ts';
import { type Parts, requireOwner } from './parts.ts';

export function mountHandlers(
  parts: Parts,
): Pick<Handlers<'allocator'>, 'image.mount' | 'directory.mount' | 'directory.make' | 'mount.add'> {
  const { mesh, namespaces, authority } = parts;

  /** Whom the mount is for; null for the host itself, which only root may have mounts for, and whom polkit lets. */
  function holderOf(namespace: Descriptor | undefined, { peer, consult }: Pick<Payload<'image.mount'>, 'peer' | 'consult'>): Holder | null {
    if (namespace === undefined) {
      if (peer.uid !== exempt && consult === null) throw new PosternError('PERMISSION_DENIED', 'a mount without a user namespace');
      return null;
    }
    requireOwner(parts, namespace, peer);
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
    'mount.add': addMount,

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
  };
}
