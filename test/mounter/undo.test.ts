/** Whatever step fails, nothing is left: no loop device, no mount, no descriptor. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../mesh/clock.ts';
import { closeAll } from '../../mesh/descriptors.ts';
import { type Addon, native } from '../../native/index.ts';
import { helper } from './helper.ts';
import { type FileSystemName, type Images, makeImages } from './images.ts';
import { atRest, settled, type Traces } from './leaks.ts';
import { type Client, startClient, startMappedClient } from './namespace.ts';
import { isRoot, mount, workshop } from './workbench.ts';

/** The calls that make something or may be refused; taking down can't fail. */
const steps = [
  'fsopen',
  'fsconfigString',
  'fsconfigFlag',
  'fsconfigCreate',
  'fsmount',
  'mountSetattr',
  'loopGetFree',
  'loopConfigure',
  'helperLockMounts',
] as const satisfies readonly (keyof Addon)[];

/** The kernel, but one of its steps fails the n-th time. `reached` tells whether it came to that. */
function failing(step: (typeof steps)[number], nth: number): { readonly kernel: Addon; readonly reached: () => boolean } {
  let calls = 0;
  const refuse = () => {
    calls += 1;
    if (calls === nth) throw Object.assign(new Error('refused by the test'), { code: 'EIO', errno: -5, syscall: step });
  };
  const kernel = new Proxy(native, {
    get(target, property, receiver) {
      if (property === step) refuse();
      return Reflect.get(target, property, receiver);
    },
  });
  return { kernel, reached: () => calls >= nth };
}

describe.skipIf(!isRoot)('a mount that fails half-way (needs root)', () => {
  let images: Images;
  let client: Client;
  let before: Traces;
  beforeAll(async () => {
    images = makeImages();
    helper();
    client = await startMappedClient();
    // what the kernel keeps after the first use of all this (a socket's buffers, a file system's module) is no leak
    closeAll(await mount(image('squashfs', 'erofs'), client.namespace));
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    images[Symbol.dispose]();
  });
  beforeEach(async () => {
    before = await atRest(images.folder);
  });

  const image = (...names: FileSystemName[]) => names.map((fileSystem) => ({ path: images.of(fileSystem), fileSystem }));

  for (const step of steps) {
    it(`leaves nothing when ${step} is refused, the first time and each later one`, async () => {
      let nth = 1;
      for (; ; nth++) {
        const { kernel, reached } = failing(step, nth);
        const outcome = mount(image('squashfs', 'erofs', 'ext4'), client.namespace, workshop(kernel));
        if (!(await outcome.then(closeAll, () => null).then(reached))) break;
        await expect(outcome).rejects.toMatchObject({ code: 'MOUNT_FAILED', detail: expect.stringContaining('EIO') });
        await settled(before);
      }
      expect(nth).toBeGreaterThan(1);
      await settled(before);
    });
  }

  it('is refused by name when the namespace has no map', async () => {
    {
      await using unmapped = await startClient(1);
      await expect(mount(image('squashfs', 'erofs'), unmapped.namespace)).rejects.toMatchObject({ code: 'NAMESPACE_UNMAPPED' });
    }
    await settled(before);
  });

  it('stops between two system calls once its deadline is over', async () => {
    let calls = 0;
    const shop = workshop();
    const late: typeof shop = {
      ...shop,
      run: (job) => {
        calls += 1;
        return shop.run({ ...job, deadline: systemClock.now() });
      },
    };
    await expect(mount(image('squashfs'), client.namespace, late)).rejects.toMatchObject({ code: 'TIMED_OUT' });
    expect(calls).toBe(1);
    await settled(before);
  });

  it('frees the device for the next, which then makes it', async () => {
    const { kernel } = failing('fsmount', 1);
    const shop = workshop(kernel);
    const both = await Promise.allSettled([1, 2].map(() => mount(image('squashfs'), client.namespace, shop)));
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    closeAll(both.flatMap((each) => (each.status === 'fulfilled' ? each.value : [])));
    await settled(before);
  });
});
