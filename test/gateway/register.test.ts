/** RegisterUserNamespace and AddMountToUserNamespace at the gateway. */
import { describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { openFlags } from '../../native/constants.ts';
import { native } from '../../native/index.ts';
import { invalid } from './harness.ts';
import { settingForEach } from './setting.ts';

const register = 'io.systemd.NamespaceResource.RegisterUserNamespace';
const addMount = 'io.systemd.NamespaceResource.AddMountToUserNamespace';

const its = settingForEach();

describe('RegisterUserNamespace', () => {
  it('goes to the allocator, and answers with the name', async () => {
    const answer = its.client.call(register, { name: 'vmspawn-1-box', mangleName: true, userNamespaceFileDescriptor: 0 }, [
      its.namespace.fd,
    ]);
    const { payload, descriptors, to } = await its.gateway.siblings.expect('namespace.register');
    expect(to).toBe('allocator');
    expect(payload).toMatchObject({ name: 'vmspawn-1-box', mangleName: true, peer: { uid: process.getuid?.() } });
    expect(native.describe(descriptors[0]?.fd ?? -1).inode).toBe(native.describe(its.namespace.fd).inode);
    closeAll(descriptors);
    await its.gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'vmspawn-1-box' });
    expect(await answer).toMatchObject({ error: null, parameters: { name: 'vmspawn-1-box' } });
  });

  for (const [what, parameters, fds, parameter] of [
    ['no name', { name: '', userNamespaceFileDescriptor: 0 }, () => [its.namespace.fd], 'name'],
    ['an endless name', { name: 'x'.repeat(256), userNamespaceFileDescriptor: 0 }, () => [its.namespace.fd], 'name'],
    ['no descriptor', { name: 'x', userNamespaceFileDescriptor: 0 }, () => [], 'userNamespaceFileDescriptor'],
    [
      'another kind',
      { name: 'x', userNamespaceFileDescriptor: 0 },
      () => [its.open('/proc/self/ns/net', 'r')],
      'userNamespaceFileDescriptor',
    ],
  ] as const) {
    it(`${what} is refused`, async () => {
      its.client.send(register, parameters, fds());
      expect(await its.client.error()).toMatchObject({ error: invalid, parameter });
      expect(its.gateway.siblings.sent()).toEqual([]);
    });
  }
});

describe.skipIf(process.getuid?.() !== 0)('AddMountToUserNamespace', () => {
  const parameters = { userNamespaceFileDescriptor: 0, mountFileDescriptor: 1 };

  it('takes any directory of the mount, by O_PATH too', async () => {
    for (const flags of [openFlags.O_PATH, 0]) {
      const answer = its.client.call(addMount, parameters, [its.namespace.fd, its.open('/', flags | 0o200000)]);
      const { payload, descriptors } = await its.gateway.siblings.expect('mount.add');
      expect(descriptors.map(({ fd }) => native.describe(fd).type)).toEqual(['namespace', 'directory']);
      closeAll(descriptors);
      await its.gateway.siblings.deliver('allocator', 'mount.added', { request: payload.request });
      expect(await answer).toMatchObject({ error: null, parameters: {} });
    }
  });

  it('is told by its own name where the namespace is not known', async () => {
    its.client.send(addMount, parameters, [its.namespace.fd, its.open('/', 'r')]);
    const { payload, descriptors } = await its.gateway.siblings.expect('mount.add');
    closeAll(descriptors);
    const { request } = payload;
    await its.gateway.siblings.deliver('allocator', 'request.failed', {
      request,
      code: 'NAMESPACE_NOT_REGISTERED',
      detail: '',
      parameter: null,
    });
    expect(await its.client.error()).toMatchObject({ error: 'io.systemd.NamespaceResource.UserNamespaceNotRegistered' });
  });

  it('a file is no mount', async () => {
    its.client.send(addMount, parameters, [its.namespace.fd, its.open('/proc/self/exe', 'r')]);
    expect(await its.client.error()).toMatchObject({ error: invalid, reason: 'DESCRIPTOR_TYPE', parameter: 'mountFileDescriptor' });
  });

  it('flags with an effect of their own are refused', async () => {
    its.client.send(addMount, parameters, [its.namespace.fd, its.open('/', 0o4000)]);
    expect(await its.client.error()).toMatchObject({ reason: 'DESCRIPTOR_FLAGS', parameter: 'mountFileDescriptor' });
  });
});
