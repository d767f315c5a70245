/**
 * Services of the smallest kind, for tests of the mesh itself. They carry AllocateUserRange's baton along its real way and do
 * nothing on it. The gateway takes lines on its listening socket and answers each with one.
 */
import * as v from 'valibot';
import { closeAll } from '../../../mesh/descriptors.ts';
import type { HandlerTable } from '../../../mesh/dispatch.ts';
import { PosternError } from '../../../mesh/errors.ts';
import { encodeFrame } from '../../../mesh/frame.ts';
import type { Handlers, Mesh } from '../../../mesh/mesh.ts';
import type { Privileges } from '../../../mesh/privileges.ts';
import type { ServiceName } from '../../../mesh/protocol.ts';
import type { Running, Service } from '../../../mesh/service.ts';
import { native } from '../../../native/index.ts';
import { forbidden } from './forbidden.ts';
import { PartGateway } from './gateway.ts';

/** What a test may ask of a part. */
export const partConfig = v.strictObject({
  /** end instead of getting ready */
  failsToStart: v.optional(v.boolean(), false),
  /** tell the parent what only the parent may tell */
  speaksOutOfTurn: v.optional(v.boolean(), false),
  /** report what became of forbidden things, tried after the lock-down */
  triesForbidden: v.optional(v.boolean(), false),
});
export type PartConfig = v.InferOutput<typeof partConfig>;

const notHere = (): never => {
  throw new PosternError('NOT_IMPLEMENTED');
};

function part<S extends ServiceName>(
  name: S,
  more: Partial<Privileges>,
  handlers: (mesh: Mesh<S>) => Handlers<S> & HandlerTable,
): Service<S, PartConfig> {
  const privileges: Privileges = {
    service: name,
    user: 'root',
    capabilities: [],
    view: [],
    systemCalls: [],
    why: 'a part of a test',
    ...more,
  };
  return {
    name,
    config: partConfig,
    privileges,
    start(mesh, config): Running<S> {
      if (config.failsToStart) throw new Error('asked to fail');
      if (config.speaksOutOfTurn) native.send(3, encodeFrame('mesh.stop', {}), []);
      return { handlers: handlers(mesh), status: () => (config.triesForbidden ? forbidden() : {}) };
    },
  };
}

export const allocator = part('allocator', {}, (mesh) => ({
  'range.allocate': ({ request }, [namespace]) => {
    mesh.pass(
      'lsm',
      'range.restrict',
      { request, namespace: 'id:1', transient: true, denySetgroups: false },
      namespace === undefined ? [] : [namespace],
    );
  },
  'range.restricted': ({ request }) => mesh.send('gateway', 'range.allocated', { request, name: 'ns-1' }),
  'namespace.register': notHere,
  'mount.add': notHere,
  'interface.add': notHere,
  'interfaces.removed': () => {},
  'control-group.add': notHere,
  'control-group.permitted': notHere,
  'record.find': notHere,
  'image.mount': notHere,
  'directory.mount': notHere,
  'directory.make': notHere,
  'authority.told': () => {},
  'policy.state': () => {},
  'namespace.gone': () => {},
}));

/** All that running a program takes, but execve itself. */
const programs = [{ names: ['openat', 'socketpair', 'vfork', 'fork', 'wait4', 'kill', 'chdir', 'dup2', 'dup3', 'setsid'], why: 'a test' }];

export const verity = part('verity', { user: 'verity', systemCalls: programs }, () => ({
  'image.verify': notHere,
  'image.prepare': notHere,
  'authority.told': () => {},
  'signer.told': () => {},
  'devices.state': () => {},
  'request.cancel': () => {},
}));

export const mounter = part('mounter', {}, () => ({
  'image.attach': notHere,
  'signer.ask': notHere,
  'directory.attach': notHere,
}));

export const lsm = part('lsm', {}, (mesh) => ({
  'range.restrict': ({ request, namespace }, descriptors) => {
    closeAll(descriptors);
    mesh.pass('allocator', 'range.restricted', { request, namespace, refusal: null });
  },
  'mounts.allow': notHere,
  'directory.allow': notHere,
  'mount.admit': notHere,
  'control-group.permit': notHere,
  'namespace.release': () => {},
}));

export const network = part('network', {}, () => ({ 'interface.make': notHere, 'interfaces.remove': () => {} }));
export const polkit = part('polkit', {}, () => ({ 'authority.ask': notHere, 'request.cancel': () => {} }));

export const gateway = part(
  'gateway',
  { user: 'gateway', emptyRoot: true, systemCalls: [{ names: ['accept4', 'openat'], why: 'clients, and a test' }] },
  (mesh) => new PartGateway(mesh).handlers,
);

export const parts = { gateway, allocator, verity, mounter, lsm, network, polkit };
