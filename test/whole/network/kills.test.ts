/** Network interfaces of namespaces whose server is killed: they stay as long as their namespace, and no longer. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { connectAs } from '../../support/connect-as.ts';
import { hostLinks, makeLast, noHostLinks } from '../../support/host-links.ts';
import { isRoot } from '../../support/serve.ts';
import { hasTun, networkSetting, ordinary } from './setting.ts';

describe.skipIf(!isRoot)('a network interface, when a process is killed (needs root)', () => {
  const setting = networkSetting();
  const { tap, tenant, veth } = setting;

  const kill = async (name: string) => {
    const pid = setting.server.services().find((service) => service.name === name)?.pid;
    if (pid === undefined) throw new Error(`${name} does not run`);
    process.kill(pid, 'SIGKILL');
    const isBack = () => setting.server.services().some((service) => service.name === name && service.pid !== pid);
    await expect.poll(isBack).toBe(true);
  };

  for (const name of ['network', 'allocator', 'gateway']) {
    it(`${name}: the interface stays, and goes with its namespace all the same`, async () => {
      const shell = await tenant();
      const made = await veth(shell);
      await kill(name);
      using again = connectAs(ordinary, setting.server.socket);
      expect(await hostLinks()).toHaveLength(1);
      expect(await veth(shell, undefined, { by: again })).toEqual(made);
    });
  }

  it.skipIf(!hasTun)('network, while namespaces end: what they had is removed by its next life', async () => {
    const tenants = [await tenant(), await tenant(), await tenant()];
    for (const shell of tenants) expect(makeLast((await tap(shell)).tap)).toBe(true);
    expect(await hostLinks()).toHaveLength(3);
    const killed = kill('network');
    for (const shell of tenants) await shell.end();
    await killed;
    expect(await noHostLinks()).toEqual([]);
  });

  it.skipIf(!hasTun)('all of them, and the namespace ends meanwhile: the next start removes it', async () => {
    const shell = await tenant();
    expect(makeLast((await tap(shell)).tap)).toBe(true);
    const services = setting.server.services().map(({ pid }) => pid);
    for (const pid of [setting.server.pid, ...services]) process.kill(pid, 'SIGKILL');
    await expect.poll(() => existsSync(`/proc/${setting.server.pid}`)).toBe(false);
    await shell.end();
    expect(await hostLinks()).toHaveLength(1);
    await setting.startAgain();
    expect(await noHostLinks()).toEqual([]);
  });
});
