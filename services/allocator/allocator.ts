/** Puts the parts together: registry, namespaces, allocations under way, the sweep, the policy. */
import { createHmac, randomBytes, randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../../mesh/clock.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { exitCodes } from '../../mesh/exit-codes.ts';
import type { Mesh } from '../../mesh/mesh.ts';
import { native } from '../../native/index.ts';
import { Allocations } from './allocation.ts';
import { Authority } from './authority.ts';
import { currentBoot } from './boot.ts';
import type { AllocatorConfig } from './config.ts';
import { ControlGroups, type GroupKernel } from './control-groups.ts';
import { Endings } from './endings.ts';
import { awaitFormerHelper, recordHelper } from './former-helper.ts';
import { allocatorHandlers } from './handlers.ts';
import type { Disk } from './journal.ts';
import { type Kernel, Namespaces } from './namespaces.ts';
import { PolicyWatch } from './policy.ts';
import type { PoolCounts } from './pool.ts';
import { settleAll } from './reconcile.ts';
import { Registry } from './registry.ts';
import { Sweep } from './sweep.ts';
import { liesIn } from './trusted-directories.ts';

/** What tests put in the place of the real thing: a kernel and a disk that end the process at a chosen call. */
export interface Surroundings {
  readonly clock?: Clock;
  readonly kernel?: Kernel & GroupKernel;
  readonly disk?: Disk;
  readonly boot?: string;
  readonly rewriteAtBytes?: number;
}

/** @param helperPath the namespace helper's program */
export function startAllocator(mesh: Mesh<'allocator'>, config: AllocatorConfig, helperPath: string, surroundings: Surroundings = {}) {
  const { clock = systemClock, kernel = native, disk, boot = currentBoot(), rewriteAtBytes } = surroundings;
  const pools = { containers: config.pools, singles: config.single_pools };
  const unsound = (error: unknown): never => {
    mesh.log.fatal({ err: error }, 'the registry could not be made durable');
    process.exit(exitCodes.diskFailed);
  };
  const registry = Registry.open({ folder: config.state, pools, boot, random: (below) => randomInt(below), disk, rewriteAtBytes, unsound });
  awaitFormerHelper(config.state);
  const helper = native.spawnHelper(helperPath);
  const socket = new Descriptor(helper.socket);
  recordHelper(config.state, helper.pid);

  // What was asked of it may still be done, so nothing that it has to do with may be decided any more: both of us start anew.
  const helperLost = (): never => {
    mesh.log.fatal('the namespace helper does not answer');
    process.exit(exitCodes.helperLost);
  };
  const groups = new ControlGroups(kernel, registry, config.control_groups);
  const endings = new Endings({ mesh, clock, registry, groups });
  const namespaces = new Namespaces(kernel, { socket: socket.fd, lost: helperLost }, registry, (namespace) => endings.end(namespace));
  settleAll(mesh, registry, namespaces, endings);
  const allocations = new Allocations({ mesh, clock, registry, namespaces });
  const policy = new PolicyWatch(mesh, registry);
  const sweep = new Sweep({
    clock,
    holdings: () => registry.tree.holdings(),
    isGone: (holding) => namespaces.isGone(holding),
    gone: ({ namespace }) => endings.end(namespace),
  });
  sweep.start();
  mesh.onPeerDown((peer) => {
    if (peer === 'lsm') allocations.lsmDied();
  });

  const key = randomBytes(16);
  const handlers = allocatorHandlers({
    mesh,
    clock,
    limits: config,
    isPooled: (id) => [...config.pools, ...config.single_pools].some(({ first, last }) => id >= first && id <= last),
    isInTrustedDirectory: (image, name) => name !== null && config.trusted_directories.some((directory) => liesIn(directory, name, image)),
    registry,
    namespaces,
    allocations,
    groups,
    endings,
    authority: new Authority(mesh),
    hash: (text) => createHmac('sha256', key).update(text).digest('hex'),
    policy: (enforcing, reason) => policy.hear(enforcing, reason),
  });
  const counts = () => registry.tree.counts();
  return {
    handlers,
    status: () => ({
      mode: policy.mode,
      reason: policy.reason,
      namespaces: registry.tree.size,
      underWay: allocations.waiting,
      journalBytes: registry.bytes,
      containers: report(counts().containers),
      singles: report(counts().singles),
    }),
    stop() {
      sweep.stop();
      endings.stop();
      groups.close();
      registry.close();
      socket.close();
    },
  };
}

/** The mark is what counts as used after a loss of power. */
function report(counts: PoolCounts): Record<string, number> {
  const { total, held, burnt, reserved } = counts;
  return { ...counts, used: held + burnt, highWater: held + burnt + reserved, left: total - held - burnt };
}
