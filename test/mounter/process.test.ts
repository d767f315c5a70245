/** The mounter as a process: with its privileges and no others, locked down, and killed at any moment. */
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { privileges } from '../../services/mounter/privileges.ts';
import { helper } from './helper.ts';
import { type FileSystemName, fileSystems, type Images, makeImages } from './images.ts';
import { atRest, settled, type Traces } from './leaks.ts';
import { type Client, openImage, startMappedClient } from './namespace.ts';
import { MounterProcess } from './process.ts';
import { isRoot, planFor } from './workbench.ts';

describe.skipIf(!isRoot)('the mounter (needs root)', () => {
  let images: Images;
  let client: Client;
  let before: Traces;
  beforeAll(async () => {
    images = makeImages();
    for (const name of fileSystems) images.of(name);
    helper();
    client = await startMappedClient();
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    images[Symbol.dispose]();
  });
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  function attach(mounter: MounterProcess, ...names: FileSystemName[]) {
    const wanted = names.map((fileSystem) => ({ path: images.of(fileSystem), fileSystem }));
    return mounter.attach(
      planFor(wanted),
      client.namespace.duplicate(),
      wanted.map(({ path }) => openImage(path)),
    );
  }

  it('mounts every file system with just its privileges', async () => {
    const mounter = await MounterProcess.start();
    for (const name of fileSystems) {
      const mounts = await attach(mounter, name);
      expect(mounts, name).toHaveLength(1);
      closeAll(mounts);
    }
    expect(await mounter.status()).toMatchObject({ mounted: fileSystems.length, refused: 0, underway: 0 });
    await mounter.kill();
    await settled(before);
  });

  const attachDirectory = (mounter: MounterProcess) =>
    mounter.attachDirectory(
      client.namespace.duplicate(),
      new Descriptor(openSync(images.folder, 'r')),
      new Descriptor(openSync('/proc/self/ns/mnt', 'r')),
    );

  it('mounts a directory with just its privileges', async () => {
    const mounter = await MounterProcess.start();
    closeAll(await attachDirectory(mounter));
    await mounter.kill();
    await settled(before);
  });

  const without = (name: string) => privileges.capabilities.filter(({ capability }) => capability !== name);

  it('joins no mount namespace without SYS_CHROOT', async () => {
    const mounter = await MounterProcess.start({ ...privileges, capabilities: without('SYS_CHROOT') });
    await expect(attachDirectory(mounter)).rejects.toMatchObject({
      code: 'MOUNT_FAILED',
      detail: expect.stringMatching(/setns failed with EPERM/),
    });
    await mounter.kill();
    await settled(before);
  });

  it('does not even start without SYS_ADMIN', async () => {
    await expect(MounterProcess.start({ ...privileges, capabilities: without('SYS_ADMIN') })).rejects.toThrow('ended before it was ready');
    await settled(before);
  });

  it('leaves no loop device, whenever it is killed', async () => {
    for (let round = 0; round < 12; round++) {
      const mounter = await MounterProcess.start();
      const outcomes = Promise.allSettled(Array.from({ length: 8 }, () => attach(mounter, 'squashfs', 'ext4')));
      await new Promise((wake) => setTimeout(wake, round));
      await mounter.kill();
      for (const outcome of await outcomes) if (outcome.status === 'fulfilled') closeAll(outcome.value);
      await settled(before);
    }
  });

  it('leaves the mounts that it handed out when it is killed', async () => {
    const mounter = await MounterProcess.start();
    const mounts = await attach(mounter, 'squashfs');
    await mounter.kill();
    expect(readFileSync(`/proc/self/fd/${mounts[0]?.fd}/greeting`, 'utf8')).toBe('hello\n');
    closeAll(mounts);
    await settled(before);
  });

  it('ends itself when a namespace helper was lost: after the lock-down it could start no other', async () => {
    const mounter = await MounterProcess.start();
    for (const pid of helpers(mounter.pid)) process.kill(pid, 'SIGKILL');
    await expect(attach(mounter, 'squashfs')).rejects.toThrow('the mounter ended');
    await mounter.ended;
    await settled(before);
  });

  it('takes its helpers with it', async () => {
    const mounter = await MounterProcess.start();
    closeAll(await attach(mounter, 'erofs'));
    const all = helpers(mounter.pid).flatMap((pid) => [pid, ...helpers(pid)]);
    expect(all.length).toBeGreaterThanOrEqual(2);
    await mounter.kill();
    await expect.poll(() => all.filter(isRunning)).toEqual([]);
    await settled(before);
  });
});

/** The children of a process, whichever of its threads started them. */
function helpers(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
}

/** False for one that ended and was not reaped yet: that is its new parent's matter. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
