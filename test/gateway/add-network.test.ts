/** AddNetworkToUserNamespace at the gateway: what is passed on, in which shape it is answered, and what never leaves. */
import { existsSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PosternClient } from '../../client/client.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { invalid } from './harness.ts';
import { settingForEach } from './setting.ts';

const method = 'io.systemd.NamespaceResource.AddNetworkToUserNamespace';
const networkParameter = 'networkNamespaceFileDescriptor';

const its = settingForEach();

const veth = { mode: 'veth', userNamespaceFileDescriptor: 0, networkNamespaceFileDescriptor: 1 };

describe('mode veth', () => {
  it('goes to the allocator with both namespaces, and is answered with both names', async () => {
    const network = its.open('/proc/self/ns/net');
    const answer = its.client.call(method, { ...veth, namespaceInterfaceName: 'eth0' }, [its.namespace.fd, network]);
    const { payload, descriptors, to } = await its.gateway.siblings.expect('interface.add');
    expect(to).toBe('allocator');
    expect(payload).toMatchObject({ kind: 'veth', inner: 'eth0', peer: { uid: process.getuid?.() } });
    expect(descriptors.map(({ fd }) => native.describe(fd).inode)).toEqual([
      native.describe(its.namespace.fd).inode,
      native.describe(network).inode,
    ]);
    closeAll(descriptors);
    await its.gateway.siblings.deliver('network', 'interface.made', { request: payload.request, name: 'ns-0123', inner: 'eth0' });
    expect(await answer).toMatchObject({ error: null, parameters: { hostInterfaceName: 'ns-0123', namespaceInterfaceName: 'eth0' } });
  });

  it('leaves the name open where it is not given, or null', async () => {
    for (const more of [{}, { namespaceInterfaceName: null }]) {
      its.client.send(method, { ...veth, ...more }, [its.namespace.fd, its.open('/proc/self/ns/net')]);
      const { payload, descriptors } = await its.gateway.siblings.expect('interface.add');
      closeAll(descriptors);
      expect(payload.inner).toBe(null);
      await its.gateway.siblings.deliver('network', 'interface.made', { request: payload.request, name: 'ns-0123', inner: 'host0' });
      await its.client.next();
    }
  });
});

describe.skipIf(!existsSync('/dev/net/tun') || process.getuid?.() !== 0)('mode tap (needs root and /dev/net/tun)', () => {
  const aTap = () => new Descriptor(openSync('/dev/net/tun', 'r+'));

  it('is answered with the descriptor, and no name inside', async () => {
    using postern = PosternClient.connect(its.gateway.path);
    const answer = postern.addTap(its.namespace.fd);
    const { payload, descriptors } = await its.gateway.siblings.expect('interface.add');
    expect([payload.kind, descriptors.length]).toEqual(['tap', 1]);
    closeAll(descriptors);
    await its.gateway.siblings.deliver('network', 'interface.made', { request: payload.request, name: 'ns-0123', inner: null }, [aTap()]);
    const { hostName, tap } = await answer;
    expect([hostName, native.describe(tap.fd).type]).toEqual(['ns-0123', 'character']);
    tap.close();
  });

  it('closes the descriptor where nobody waits for it any more', async () => {
    its.client.send(method, { mode: 'tap', userNamespaceFileDescriptor: 0 }, [its.namespace.fd]);
    const { payload, descriptors } = await its.gateway.siblings.expect('interface.add');
    closeAll(descriptors);
    its.client.close();
    await its.gateway.siblings.deliver('network', 'interface.made', { request: payload.request, name: 'ns-0123', inner: null }, [aTap()]);
  });
});

describe('is refused without going anywhere', () => {
  const net = () => [its.namespace.fd, its.open('/proc/self/ns/net')];
  for (const [what, parameters, fds, parameter] of [
    ['another mode', { ...veth, mode: 'macvlan' }, net, 'mode'],
    ['no network', { ...veth, networkNamespaceFileDescriptor: null }, net, networkParameter],
    ['a network that did not come', { ...veth, networkNamespaceFileDescriptor: 7 }, net, networkParameter],
    ['a user namespace for a network', veth, () => [its.namespace.fd, its.namespace.fd], networkParameter],
    ['a file for a network', veth, () => [its.namespace.fd, its.open('/proc/self/exe')], networkParameter],
    ['a network by O_PATH', veth, () => [its.namespace.fd, its.open('/proc/self/ns/net', 0o10000000)], networkParameter],
    ['a network for a user namespace', { ...veth, userNamespaceFileDescriptor: 1 }, net, 'userNamespaceFileDescriptor'],
    ['a name that can’t be', { ...veth, namespaceInterfaceName: 'a/b' }, net, 'interfaceName'],
    ['a tap with a network', { ...veth, mode: 'tap' }, net, networkParameter],
    ['a tap with a name', { mode: 'tap', userNamespaceFileDescriptor: 0, namespaceInterfaceName: 'a' }, net, 'namespaceInterfaceName'],
  ] as const) {
    it(what, async () => {
      its.client.send(method, parameters, fds());
      expect(await its.client.error()).toMatchObject({ error: invalid, parameter });
      expect(its.gateway.siblings.sent()).toEqual([]);
    });
  }
});
