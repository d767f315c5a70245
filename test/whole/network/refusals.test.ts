/** AddNetworkToUserNamespace: what is refused, and with which name. */
import { describe, expect, it } from 'vitest';
import type { Shell } from '../../allocator/support/shell.ts';
import { connectAs } from '../../support/connect-as.ts';
import { hostLinks } from '../../support/host-links.ts';
import { isRoot } from '../../support/serve.ts';
import { networkSetting } from './setting.ts';

const invalid = 'org.varlink.service.InvalidParameter';
const networkParameter = 'networkNamespaceFileDescriptor';
const method = 'io.systemd.NamespaceResource.AddNetworkToUserNamespace';

describe.skipIf(!isRoot)('a network interface is refused (needs root)', () => {
  const setting = networkSetting();
  const { codeOf, networkOf, start, tenant, veth } = setting;

  it('where the network namespace is not of the user namespace: the host’s, a stranger’s, one from before', async () => {
    const [shell, stranger] = [await tenant(), await tenant()];
    const refused = [invalid, 'NETWORK_NOT_OF_NAMESPACE', networkParameter];
    expect(await codeOf(veth(shell, undefined, { network: 'self' }))).toEqual(refused);
    expect(await codeOf(veth(shell, undefined, { network: stranger.pid }))).toEqual(refused);
    expect(await codeOf(veth(shell, undefined, { network: 'self', by: setting.asRoot }))).toEqual(refused);
    const late = await start('--net', '--user');
    using userNamespace = late.namespace();
    await setting.postern.allocate({ name: 'late', userNamespace });
    expect(await hostLinks()).toEqual([]);
  });

  it('for a namespace that holds nothing, or is another’s', async () => {
    const nothing = await start('--user', '--net');
    expect(await codeOf(veth(nothing))).toEqual(['io.systemd.NamespaceResource.UserNamespaceNotRegistered', 'NAMESPACE_NOT_REGISTERED']);
    using other = connectAs(1001, setting.server.socket);
    const shell = await tenant();
    expect(await codeOf(veth(shell, undefined, { by: other }))).toEqual([invalid, 'NAMESPACE_NOT_YOURS', 'userNamespaceFileDescriptor']);
    const rootsOwn = await start('--user', '--net');
    using userNamespace = rootsOwn.namespace();
    await setting.asRoot.allocate({ name: 'roots', userNamespace });
    expect(await codeOf(veth(rootsOwn))).toEqual(['org.varlink.service.PermissionDenied', 'PERMISSION_DENIED']);
  });

  const call = async (
    shell: Shell,
    parameters: { mode: string; networkNamespaceFileDescriptor?: number; namespaceInterfaceName?: string },
  ) => {
    using userNamespace = shell.namespace();
    using network = networkOf(shell.pid);
    return codeOf(setting.postern.connection.call(method, { userNamespaceFileDescriptor: 0, ...parameters }, [userNamespace, network]));
  };

  it('in another mode, or with what does not belong to its mode', async () => {
    const shell = await tenant();
    const parameter = (name: string) => [invalid, 'INVALID_PARAMETER', name];
    expect(await call(shell, { mode: 'bridge', networkNamespaceFileDescriptor: 1 })).toEqual(parameter('mode'));
    expect(await call(shell, { mode: 'veth' })).toEqual(parameter(networkParameter));
    expect(await call(shell, { mode: 'tap', networkNamespaceFileDescriptor: 1 })).toEqual(parameter(networkParameter));
    expect(await call(shell, { mode: 'tap', namespaceInterfaceName: 'a' })).toEqual(parameter('namespaceInterfaceName'));
    expect(await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 0 })).toEqual([invalid, 'DESCRIPTOR_TYPE', networkParameter]);
    expect(await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 2 })).toEqual([invalid, 'DESCRIPTOR_INDEX', networkParameter]);
  });

  it('by a name that the originals use where the interface can’t be called so', async () => {
    const shell = await tenant();
    for (const namespaceInterfaceName of [
      '',
      '.',
      '..',
      'a b',
      'a/b',
      'a:b',
      'eth%d',
      'x'.repeat(16),
      '42',
      'all',
      'default',
      'ü',
      'a\n',
    ]) {
      const answer = await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 1, namespaceInterfaceName });
      expect(answer, namespaceInterfaceName).toEqual([invalid, 'INTERFACE_NAME', 'interfaceName']);
    }
  });
});
