/**
 * lsm: keeps the promise that no transient ID outlives its namespace, where the kernel takes a BPF-LSM policy.
 * Privileges: BPF and PERFMON, to load programs and read the kernel's structures; see privileges.ts.
 * Hears: allocator (range.restrict, mount.admit, control-group.permit, namespace.release), mounter (mounts.allow, directory.allow),
 * gateway (status.ask).
 * Sends: allocator (policy.state, range.restricted, control-group.permitted, namespace.gone), gateway (image.mounted, directory.mounted, mount.added).
 * When it dies: pinned programs go on enforcing; requests that were here fail with SERVICE_DIED.
 */
import { createActor } from 'xstate';
import { runService } from '../../mesh/service.ts';
import { configSchema } from './config.ts';
import { lsmHandlers } from './handlers.ts';
import { loadPolicy } from './load.ts';
import { policyMachine } from './machine.ts';
import { privileges } from './privileges.ts';

await runService({
  name: 'lsm',
  config: configSchema,
  privileges,
  async start(mesh, config) {
    const { policy, reason } = loadPolicy(config, (namespace) => mesh.send('allocator', 'namespace.gone', { namespace }));
    const life = createActor(policyMachine((state) => mesh.send('allocator', 'policy.state', state)));
    life.start();
    life.send({ type: policy === null ? 'REFUSED' : 'LOADED', reason });
    mesh.onPeerUp((peer) => {
      if (peer === 'allocator') life.send({ type: 'ALLOCATOR_UP' });
    });
    mesh.log[policy === null ? 'warn' : 'info'](
      { reason },
      policy === null ? 'no policy in force: ranges are never used twice' : 'policy in force',
    );
    const status = () => ({ enforcing: policy !== null, reason, ...policy?.report() });
    return { handlers: lsmHandlers(mesh, policy, status), status };
  },
});
