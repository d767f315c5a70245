/** AddNetworkToUserNamespace: taps for an ordinary user's namespaces, on the real kernel. */
import { describe, expect, it } from 'vitest';
import { native } from '../../../native/index.ts';
import { hostLinks, makeLast, noHostLinks } from '../../support/host-links.ts';
import { isRoot } from '../../support/serve.ts';
import { hasTun, networkSetting, ordinary, system } from './setting.ts';

describe.skipIf(!isRoot || !hasTun)('a tap (needs root and /dev/net/tun)', () => {
  const setting = networkSetting();
  const { ownerOf, start, tap, tenant } = setting;

  it('is open, and belongs to the first ID of the range', async () => {
    const shell = await tenant();
    const made = await tap(shell);
    using descriptor = made.tap;
    const base = Number((await shell.ask('cat /proc/self/uid_map')).split(/\s+/)[1]);
    const [link] = await hostLinks();
    expect(link).toMatchObject({
      ifname: made.hostName,
      altnames: [`ns-${ordinary}-${ordinary}-${setting.lastName}`],
      linkinfo: { info_kind: 'tun', info_data: { type: 'tap', vnet_hdr: true, pi: false } },
    });
    expect(ownerOf(made.hostName)).toBe(base);
    expect(native.describe(descriptor.fd)).toMatchObject({ type: 'character', access: 'read-write' });
  });

  it('belongs to the user where the namespace was registered, and ends with its descriptor', async () => {
    const shell = await start('--user', '--map-root-user');
    using userNamespace = shell.namespace();
    const parameters = { name: 'vmspawn-1-box', mangleName: true, userNamespaceFileDescriptor: 0 };
    await setting.postern.connection.call('io.systemd.NamespaceResource.RegisterUserNamespace', parameters, [userNamespace]);
    const made = await tap(shell);
    const owner = ownerOf(made.hostName);
    made.tap.close();
    expect(owner).toBe(ordinary);
    expect(await noHostLinks()).toEqual([]);
    (await tap(shell)).tap.close();
  });

  it('does not outlive its namespace, though its owner made it last', async () => {
    const shell = await tenant();
    const { tap: descriptor } = await tap(shell);
    expect(makeLast(descriptor)).toBe(true);
    expect(await hostLinks()).toHaveLength(1);
    await shell.end();
    expect(await noHostLinks()).toEqual([]);
  });

  it('there is one of at a time', async () => {
    const shell = await tenant();
    using _first = (await tap(shell)).tap;
    const refused = tap(shell).catch((error: unknown) => error);
    expect(await refused).toMatchObject({ error: system, reason: 'INTERFACE_FAILED', parameters: { errnoName: 'EBUSY' } });
  });
});
