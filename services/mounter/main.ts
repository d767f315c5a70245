/**
 * mounter: makes mounts out of verity's plans and callers' directories: loop devices, superblocks, ID maps, flags that stay. Trusts no
 * image's content to be sound.
 * Privileges: uid 0 with SYS_ADMIN, SYS_CHROOT and, to grow ext4, SYS_RESOURCE; sees /dev and /proc; see privileges.ts. Owns devices, for a
 * moment after something was mounted from them.
 * Hears: verity (image.attach, signer.ask), allocator (directory.attach), gateway (status.ask).
 * Sends: verity (devices.state, signer.told), lsm (mounts.allow, directory.allow), gateway (request.handoff, request.failed, status.tell).
 * When it dies: requests that were here fail with SERVICE_DIED; mounts that were handed out stay; half-made ones and their loop
 * devices vanish with its descriptors. It ends itself when a worker thread or namespace helper ended.
 */
import { fileURLToPath } from 'node:url';
import { exitCodes } from '../../mesh/exit-codes.ts';
import { runService } from '../../mesh/service.ts';
import { native } from '../../native/index.ts';
import { configSchema } from './config.ts';
import { LoopDevices } from './devices.ts';
import { mounterHandlers } from './handlers.ts';
import { KeptDevices } from './kept-devices.ts';
import { MountPool } from './pool.ts';
import { privileges } from './privileges.ts';
import { cryptTarget } from './sources/crypt-device.ts';
import { DirectFiles } from './sources/file.ts';
import { sweepDevices, targetMissing } from './sources/mapped-device.ts';
import { verityTarget } from './sources/verity-device.ts';
import { Tally } from './tally.ts';

await runService({
  name: 'mounter',
  config: configSchema,
  privileges,
  async start(mesh, config, clock) {
    const pool = await MountPool.start({
      ...config,
      file: fileURLToPath(new URL('mounter-worker.mjs', import.meta.url)),
      onLost(error) {
        mesh.log.fatal({ err: error }, 'a worker was lost, and none can be started after the lock-down');
        process.exit(exitCodes.bug);
      },
    });
    const kept = new KeptDevices(clock, config.keep_devices);
    const devices = new LoopDevices(native, clock, kept);
    devices.discover();
    const missing = { verityMissing: targetMissing(native, verityTarget), cryptMissing: targetMissing(native, cryptTarget) };
    if (Object.values(missing).includes(null)) sweepDevices(native);
    mesh.onPeerUp((peer) => {
      if (peer === 'verity') mesh.send('verity', 'devices.state', missing);
    });
    const tally = new Tally();
    const workshop = {
      kernel: native,
      devices,
      kept,
      direct: new DirectFiles(),
      run: (job: Parameters<typeof pool.run>[0]) => pool.run(job),
      runDirectory: (job: Parameters<typeof pool.runDirectory>[0]) => pool.runDirectory(job),
      runSigner: (job: Parameters<typeof pool.runSigner>[0]) => pool.runSigner(job),
      unexpected: (type: string) => mesh.log.error({ type }, 'an attachment heard something that it did not wait for'),
    };
    return {
      handlers: mounterHandlers(mesh, workshop, tally),
      stop: () => kept.releaseAll(),
      status: () => ({
        workers: config.workers,
        waiting: pool.waiting,
        devicesSeen: devices.remembered,
        devicesKept: kept.size,
        ...missing,
        ...tally.report(),
      }),
    };
  },
});
