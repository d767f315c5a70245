/** The flags of a mount stay, whatever its new owner tries: root of its namespace, with every capability there. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native } from '../../native/index.ts';
import { helper } from './helper.ts';
import { type FileSystemName, fileSystems, type Images, makeImages } from './images.ts';
import { type Client, startMappedClient } from './namespace.ts';
import { isRoot, mount, workshop } from './workbench.ts';

describe.skipIf(!isRoot)('the flags of a mount (needs root)', () => {
  let images: Images;
  beforeAll(() => {
    images = makeImages();
    helper();
  });
  afterAll(() => images[Symbol.dispose]());

  async function withImage(fileSystem: FileSystemName, options: { noSuid?: boolean; noExec?: boolean }): Promise<Client> {
    const client = await startMappedClient();
    await client.attach(await mount([{ path: images.of(fileSystem), fileSystem, ...options }], client.namespace));
    return client;
  }

  const flags = ['readOnly', 'noDevices', 'noSuid', 'noExec'] as const;
  for (const fileSystem of fileSystems) {
    it(`${fileSystem}: none can be cleared by mount_setattr, on a clone, or from a nested namespace`, async () => {
      await using client = await withImage(fileSystem, { noSuid: true, noExec: true });
      for (const flag of flags) {
        expect(await client.do('clear', { flag }), `clear ${flag}`).toBe('EPERM');
        expect(await client.do('clearOnClone', { flag }), `clear ${flag} on a clone`).toBe('EPERM');
        expect(await client.do('clearNested', { flag }), `clear ${flag} nested`).toBe('EPERM');
      }
    });
  }

  it('none can be cleared by a remount', async () => {
    await using client = await withImage('erofs', { noSuid: true, noExec: true });
    for (const options of ['rw,nodev,nosuid,noexec', 'ro,dev,nosuid,noexec', 'ro,nodev,suid,noexec', 'ro,nodev,nosuid,exec'])
      expect(await client.do('remount', { options }), options).toBe('EPERM');
    expect(await client.do('remount', { options: 'ro,nodev,nosuid,noexec' })).toBe('ok');
  });

  it('could all be cleared if they were not locked: what is tried here is real', async () => {
    await using client = await startMappedClient();
    const unlocked = workshop({ ...native, helperLockMounts: (_helper, mounts) => mounts.map((fd) => native.duplicate(fd)) });
    const image = { path: images.of('erofs'), fileSystem: 'erofs', noSuid: true, noExec: true };
    await client.attach(await mount([image], client.namespace, unlocked));
    for (const flag of flags) {
      expect(await client.do('clearOnClone', { flag }), flag).toBe('ok');
      expect(await client.do('clear', { flag }), flag).toBe('ok');
    }
    expect(await client.do('open', { file: 'zero' })).toBe('ok');
  });

  it('let no device node of an image be opened', async () => {
    for (const fileSystem of fileSystems) {
      await using client = await withImage(fileSystem, {});
      expect(await client.do('open', { file: 'zero' }), fileSystem).toBe('EACCES');
    }
  });

  it('let a set-user-ID file of a signed image give an ID of the range, and never one of the host', async () => {
    await using client = await withImage('erofs', {});
    expect(await client.do('whoami')).toBe('1000 0');
    const pid = await client.do('startWhoami');
    const [, real, effective] = /^Uid:\s+(\d+)\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    expect([Number(real), Number(effective)]).toEqual([client.base + 1000, client.base]);
  });

  it('let a set-user-ID file of any other image give nothing', async () => {
    await using client = await withImage('erofs', { noSuid: true });
    expect(await client.do('whoami')).toBe('1000 1000');
  });

  it('let a program of a noexec image not run', async () => {
    await using client = await withImage('erofs', { noExec: true });
    expect(await client.do('whoami')).toBe('EPERM');
  });
});
