/**
 * Five services of the smallest kind, for tests of the mesh itself. They carry AllocateUserRange's baton along its real way and do
 * nothing on it. The gateway takes lines on its listening socket and answers each with one.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { closeAll } from '../../../mesh/descriptors.ts';
import type { HandlerTable } from '../../../mesh/dispatch.ts';
import { PosternError } from '../../../mesh/errors.ts';
import type { Handlers, Mesh } from '../../../mesh/mesh.ts';
import type { Privileges } from '../../../mesh/privileges.ts';
import type { ServiceName } from '../../../mesh/protocol.ts';
import type { Running, Service } from '../../../mesh/service.ts';
import { isSystemError } from '../../../native/index.ts';
import { PartGateway } from './gateway.ts';

/** What a test may ask of a part. */
export const partConfig = v.strictObject({
  /** end instead of getting ready */
  failsToStart: v.optional(v.boolean(), false),
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
      return { handlers: handlers(mesh), status: () => (config.triesForbidden ? forbidden() : {}) };
    },
  };
}

export const allocator = part('allocator', {}, (mesh) => ({
  'range.allocate': ({ request }, [namespace, process]) => {
    process?.close();
    mesh.pass('lsm', 'range.restrict', { request, namespace: 'id:1', denySetgroups: false }, namespace === undefined ? [] : [namespace]);
  },
  'range.restricted': ({ request }) => mesh.send('gateway', 'range.allocated', { request, name: 'ns-1' }),
  'image.mount': notHere,
  'policy.state': () => {},
  'namespace.gone': () => {},
}));

export const verity = part('verity', { user: 'verity' }, () => ({
  'image.verify': notHere,
  'image.prepare': notHere,
  'request.cancel': () => {},
}));

export const mounter = part('mounter', {}, () => ({ 'image.attach': notHere }));

export const lsm = part('lsm', {}, (mesh) => ({
  'range.restrict': ({ request, namespace }, descriptors) => {
    closeAll(descriptors);
    mesh.pass('allocator', 'range.restricted', { request, namespace, refusal: null });
  },
  'mounts.allow': notHere,
  'namespace.release': () => {},
}));

export const gateway = part(
  'gateway',
  { user: 'gateway', emptyRoot: true, systemCalls: [{ names: ['accept4'], why: 'clients' }] },
  (mesh) => new PartGateway(mesh).handlers,
);

export const parts = { gateway, allocator, verity, mounter, lsm };

/** Tries what a locked service must not be able to do. */
function forbidden(): Record<string, string> {
  return {
    open: outcome(() => readFileSync('/postern/part.mjs')),
    execute: outcome(() => {
      const { error } = spawnSync('/usr/bin/true');
      if (error !== undefined) throw error;
    }),
  };
}

function outcome(attempt: () => unknown): string {
  try {
    attempt();
    return 'worked';
  } catch (error) {
    return isSystemError(error) ? error.code : String(error);
  }
}
