/** AddNetworkToUserNamespace: pairs for an ordinary user’s namespaces, on the real kernel. */
import { describe, expect, it } from 'vitest';
import { Shell } from '../../allocator/support/shell.ts';
import { connectAs } from '../../support/connect-as.ts';
import { greet, hostLinks, noHostLinks } from '../../support/host-links.ts';
import { descriptorsOf, grownSince, isRoot, run } from '../../support/serve.ts';
import { hasTun, networkSetting, ordinary, system } from './setting.ts';

describe.skipIf(!isRoot)('a pair of interfaces (needs root)', () => {
  const setting = networkSetting();
  const { adopt, codeOf, enter, innerLink, inside, tap, tenant, veth } = setting;

  /** Has the inner end in the host's network, as root there could. */
  const takeOut = ({ pid }: Shell, name: string, newName: string) =>
    run('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', 'link', 'set', name, 'netns', String(process.pid), 'name', newName]);

  it('connects the namespace with the host', async () => {
    const shell = await tenant();
    const { hostName, name } = await veth(shell);
    expect([hostName, name]).toEqual([expect.stringMatching(/^ns-[0-9a-f]{12}$/), 'host0']);
    await inside(shell, `ip address add 10.83.1.2/30 dev ${name} && ip link set ${name} up`);
    await run('ip', ['address', 'add', '10.83.1.1/30', 'dev', hostName]);
    await run('ip', ['link', 'set', hostName, 'up']);
    expect(await greet(enter(shell), '10.83.1.1')).toBe('hello');
  });

  it('is down at first, says whose it is, and has its longer name', async () => {
    const shell = await tenant('web');
    const { hostName } = await veth(shell, 'eth7');
    const [link] = await hostLinks();
    expect(link).toMatchObject({ ifname: hostName, altnames: [`ns-${ordinary}-${ordinary}-web-eth7`], linkinfo: { info_kind: 'veth' } });
    expect(link?.flags).not.toContain('UP');
    expect(link?.ifalias).toMatch(/^postern:(id:\d+|ino:\d+\+\d+)$/);
    expect((await innerLink(shell, 'eth7'))?.flags).not.toContain('UP');
  });

  it('has names and addresses that are the same again for a namespace of the same name', async () => {
    const facts = async () => {
      const shell = await tenant('again');
      const { hostName } = await veth(shell);
      const [link] = await hostLinks();
      const peer = await innerLink(shell, 'host0');
      await shell.end();
      expect(await noHostLinks()).toEqual([]);
      return [hostName, link?.address, peer?.address];
    };
    const first = await facts();
    const [, host, peer] = first;
    expect(host).not.toBe(peer);
    // locally administered, and not for many
    for (const address of [host, peer]) expect(address).toMatch(/^.[26ae]:/);
    await expect.poll(facts).toEqual(first);
  });

  it('is gone with its namespace, though somebody took its other end elsewhere', async () => {
    const shell = await tenant();
    await veth(shell, 'moved');
    await takeOut(shell, 'moved', 'ns-moved');
    expect(await hostLinks()).toHaveLength(2);
    await shell.end();
    expect(await noHostLinks()).toEqual([]);
  });

  it('is found by its longer name where somebody gave it another', async () => {
    const shell = await tenant();
    const { hostName } = await veth(shell, 'moved');
    await takeOut(shell, 'moved', 'ns-moved');
    await run('ip', ['link', 'set', hostName, 'name', 'ns-renamed']);
    await shell.end();
    expect(await noHostLinks()).toEqual([]);
  });

  it('asked for twice is the same, so that a lost answer can be asked for again', async () => {
    const shell = await tenant();
    const first = await veth(shell, 'a');
    expect(await veth(shell, 'a')).toEqual(first);
    expect(await hostLinks()).toHaveLength(1);
  });

  it('is not taken for another network namespace’s of the same namespace', async () => {
    const shell = await tenant();
    await veth(shell);
    const other = adopt(await Shell.inside(shell, ['unshare', '--net']));
    expect(await codeOf(veth(shell, undefined, { network: other.pid }))).toEqual([system, 'INTERFACE_FAILED']);
    expect(await veth(shell, 'b', { network: other.pid })).toMatchObject({ name: 'b' });
  });

  it('can’t have a name that something inside has', async () => {
    const shell = await tenant();
    const refused = veth(shell, 'lo').catch((error: unknown) => error);
    expect(await refused).toMatchObject({ error: system, reason: 'INTERFACE_FAILED', parameters: { errnoName: 'EEXIST' } });
    expect(await hostLinks()).toEqual([]);
  });

  it('there are at most 16 of for one namespace, and a user’s limit over all', async () => {
    // a user of its own: what an earlier test's namespaces had is counted until the server has heard of their end
    const uid = 1002;
    using by = connectAs(uid, setting.server.socket);
    const [shell, other] = [await tenant(undefined, { uid, by }), await tenant(undefined, { uid, by })];
    for (let i = 0; i < 16; i++) await veth(shell, `e${i}`, { by });
    expect(await codeOf(veth(shell, 'e16', { by }))).toEqual([
      'io.systemd.NamespaceResource.TooManyNetworkInterfaces',
      'TOO_MANY_INTERFACES',
    ]);
    expect(await veth(shell, 'e15', { by })).toMatchObject({ name: 'e15' });
    await veth(other, 'a', { by });
    await veth(other, 'b', { by });
    expect(await codeOf(veth(other, 'c', { by }))).toEqual(['io.postern.Gateway.LimitReached', 'LIMIT_REACHED']);
    expect(await veth(other, 'c', { by: setting.asRoot })).toMatchObject({ name: 'c' });
  });

  it('leaves no descriptor in any process', async () => {
    const shell = await tenant();
    await veth(shell);
    const before = descriptorsOf(setting.server);
    for (let i = 0; i < 10; i++) {
      await veth(shell);
      await codeOf(veth(shell, 'lo'));
      await codeOf(veth(shell, undefined, { network: 'self' }));
      if (hasTun) (await tap(shell)).tap.close();
    }
    await expect.poll(() => grownSince(before, setting.server)).toEqual([]);
  });
});
