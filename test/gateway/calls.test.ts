/** Calls as sound clients make them, from the socket to the siblings and back. */
import { openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeAll } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { interfaces } from '../../varlink/method/registry.ts';
import {
  allocate,
  type Client,
  type Got,
  info,
  mount,
  mounted,
  Namespace,
  openDescriptors,
  prepare,
  someMount,
  startTestGateway,
  status,
  type TestGateway,
} from './harness.ts';

let gateway: TestGateway;
let client: Client;
let namespace: Namespace;
let image: number;
let before: number;

const file = join(tmpdir(), `postern-gateway-image-${process.pid}`);

beforeEach(async () => {
  writeFileSync(file, 'an image');
  before = openDescriptors().length;
  namespace = await Namespace.create();
  image = openSync(file, 'r');
  gateway = await startTestGateway();
  client = gateway.client();
});
afterEach(async () => {
  await gateway.close();
  native.close(image);
  rmSync(file);
  await namespace.end();
  expect(openDescriptors().length).toBe(before);
});

const ok = (parameters: object) => ({ parameters, continues: false, error: null, descriptors: [] });

function parametersOf(got: Got): Record<string, unknown> {
  if (got === 'end') throw new Error('the connection ended');
  closeAll(got.descriptors);
  return got.parameters;
}

describe('introspection', () => {
  it('tells who serves, and what', async () => {
    const told = parametersOf(await client.call(info));
    expect(told).toMatchObject({ vendor: 'Postern', product: 'Postern' });
    expect(told.interfaces).toContain('io.systemd.MountFileSystem');
  });

  it('describes an interface', async () => {
    const told = parametersOf(await client.call('org.varlink.service.GetInterfaceDescription', { interface: 'io.systemd' }));
    expect(told.description).toMatch(/^# Errors .*\ninterface io\.systemd\n/s);
  });

  it('does not know others', async () => {
    expect(await client.call('org.varlink.service.GetInterfaceDescription', { interface: 'io.nobody' })).toMatchObject({
      error: 'org.varlink.service.InterfaceNotFound',
      parameters: { interface: 'io.nobody' },
    });
  });

  it('tells methods that no interface has', async () => {
    for (const method of ['io.nobody.Method', 'io.systemd.MountFileSystem.Nothing', 'x', '']) {
      expect(await client.call(method)).toMatchObject({ error: 'org.varlink.service.MethodNotFound', parameters: { method } });
    }
  });

  it('serves every method that an interface of its own has', async () => {
    const declared = interfaces.flatMap(({ name, members }) =>
      members.flatMap((member) => (member.kind === 'method' ? [`${name}.${member.name}`] : [])),
    );
    expect(declared.length).toBeGreaterThan(10);
    for (const method of declared) {
      // a field that no method has: it is refused before anything else of the method's own
      expect(await client.call(method, { nobodysField: true }), method).toMatchObject({ error: 'org.varlink.service.InvalidParameter' });
    }
  });
});

describe('AllocateUserRange', () => {
  it('goes to the allocator with its defaults, the caller and the namespace', async () => {
    const answer = client.call(allocate, { name: 'web', size: 65536, userNamespaceFileDescriptor: 0 }, [namespace.fd]);
    const { payload, descriptors, to } = await gateway.siblings.expect('range.allocate');
    expect(to).toBe('allocator');
    expect(payload).toMatchObject({
      peer: { uid: process.getuid?.(), gid: process.getgid?.(), pid: process.pid },
      name: 'web',
      mangleName: false,
      type: 'managed',
      size: 65536,
      target: 0,
      delegateContainerRanges: 0,
      mapForeign: false,
    });
    expect(payload.cookie).toMatch(/^[0-9]+$/);
    const [theirs] = descriptors;
    expect(native.describe(theirs?.fd ?? -1).inode).toBe(native.describe(namespace.fd).inode);
    closeAll(descriptors);
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web' });
    expect(await answer).toEqual(ok({ name: 'web' }));
  });

  it('passes on what was asked for', async () => {
    const asked = { mangleName: true, target: '7', type: 'managed', delegateContainerRanges: 16, mapForeign: true };
    const answer = client.call(allocate, { name: 'a', size: '1', userNamespaceFileDescriptor: 0, ...asked }, [namespace.fd]);
    const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
    expect(payload).toMatchObject({ ...asked, size: 1, target: 7 });
    closeAll(descriptors);
    await gateway.siblings.deliver('allocator', 'request.failed', {
      request: payload.request,
      code: 'NAME_EXISTS',
      detail: 'a',
      parameter: null,
    });
    expect(await answer).toMatchObject({
      error: 'io.systemd.NamespaceResource.NameExists',
      parameters: { reason: 'NAME_EXISTS', message: expect.stringMatching(/\(a\); choose another name/) },
    });
  });
});

describe('AllocateUserRange of type self', () => {
  for (const [given, target] of [
    [{}, null],
    [{ target: null }, null],
    [{ target: 0 }, 0],
  ] as const) {
    it(`with ${JSON.stringify(given)} maps to ${target ?? 'itself'}`, async () => {
      client.send(allocate, { name: 'a', size: 1, type: 'self', userNamespaceFileDescriptor: 0, ...given }, [namespace.fd]);
      const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
      closeAll(descriptors);
      expect(payload).toMatchObject({ type: 'self', size: 1, target });
    });
  }
});

describe('MountImage', () => {
  it('goes to the allocator, and its mounts come back with the reply', async () => {
    const answer = client.call(mount, { imageFileDescriptor: 1, userNamespaceFileDescriptor: 0 }, [namespace.fd, image]);
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    expect(payload).toMatchObject({
      hasNamespace: true,
      hasSidecar: false,
      options: { readOnly: true, growFileSystems: true, imagePolicy: null },
    });
    expect(native.describe(descriptors[0]?.fd ?? -1).inode).toBe(native.describe(image).inode);
    closeAll(descriptors);
    await gateway.siblings.deliver('lsm', 'image.mounted', { request: payload.request, mounted: mounted() }, [someMount()]);
    const got = await answer;
    if (got === 'end') throw new Error('the connection ended');
    expect(got.parameters).toEqual({
      partitions: [
        {
          designator: 'root',
          writable: false,
          growFileSystem: false,
          fileSystemType: 'erofs',
          size: 8,
          offset: 0,
          mountFileDescriptor: 0,
          mountPoint: ['/'],
        },
      ],
      singleFileSystem: true,
      imagePolicy: '*',
      imageSize: 8,
      sectorSize: 512,
    });
    expect(got.descriptors.map(({ fd }) => native.describe(fd).isMountRoot)).toEqual([true]);
    closeAll(got.descriptors);
  });

  it('for the host is for root alone, and the host’s own namespace is none', async () => {
    const host = openSync('/proc/self/ns/user', 'r');
    const answer = client.call(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1 }, [image, host]);
    native.close(host);
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    expect(payload.hasNamespace).toBe(false);
    closeAll(descriptors);
    await gateway.siblings.deliver('allocator', 'request.failed', {
      request: payload.request,
      code: 'TIMED_OUT',
      detail: '',
      parameter: null,
    });
    await answer;
  });

  it('passes a password on as bytes, and keeps none of it', async () => {
    const password = 'sesame, öffne dich';
    const answer = client.call(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1, password }, [image, namespace.fd]);
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    closeAll(descriptors);
    expect(Buffer.from(payload.password ?? []).toString()).toBe(password);
    expect(JSON.stringify({ ...payload, password: null })).not.toContain('sesame');
    const refused = { request: payload.request, code: 'PASSWORD_WRONG', detail: '', parameter: null } as const;
    await gateway.siblings.deliver('verity', 'request.failed', refused);
    const told = await answer;
    expect(told).toMatchObject({ error: 'io.systemd.System', parameters: { errnoName: 'EKEYREJECTED', errno: 129 } });
    expect(JSON.stringify([told, gateway.siblings.lines])).not.toContain('sesame');
  });

  it('takes a hash tree with its root hash, and options by designator', async () => {
    const answer = client.call(
      mount,
      {
        imageFileDescriptor: 0,
        userNamespaceFileDescriptor: 2,
        verityDataFileDescriptor: 1,
        verityRootHash: 'AB'.repeat(32),
        verityRootHashSignature: 'MAo=',
        imagePolicy: 'root=signed',
        mountOptions: { 'root-verity': 'x', usr: 'nosuid' },
        relaxExtensionReleaseChecks: true,
        veritySharing: true,
        password: null,
      },
      [image, image, namespace.fd],
    );
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    expect(descriptors).toHaveLength(3);
    closeAll(descriptors);
    expect(payload).toMatchObject({
      hasSidecar: true,
      options: {
        verityRootHash: 'ab'.repeat(32),
        verityRootHashSignature: 'MAo=',
        imagePolicy: 'root=signed',
        mountOptions: { root_verity: 'x', usr: 'nosuid' },
        relaxExtensionReleaseChecks: true,
        veritySharing: true,
      },
    });
    await gateway.siblings.deliver('verity', 'request.failed', {
      request: payload.request,
      code: 'SIGNER_UNKNOWN',
      detail: '',
      parameter: null,
    });
    expect(await answer).toMatchObject({ error: 'io.systemd.MountFileSystem.KeyNotFound', parameters: { reason: 'SIGNER_UNKNOWN' } });
  });
});

describe('Prepare', () => {
  it('tells how far it is to those who ask for it', async () => {
    client.send(prepare, { imageFileDescriptor: 0 }, [image], 'more');
    const { payload, descriptors } = await gateway.siblings.expect('image.prepare');
    closeAll(descriptors);
    const { request } = payload;
    await gateway.siblings.deliver('verity', 'request.progress', { request, phase: 'checking', done: 1, total: 2 });
    expect(await client.next()).toMatchObject({ continues: true, parameters: { phase: 'checking', done: 1, total: 2 } });
    await gateway.siblings.deliver('verity', 'image.prepared', { request, rootHash: 'ab', signer: null, cached: false });
    expect(await client.next()).toEqual(ok({ rootHash: 'ab', cached: false }));
  });

  it('and only the end to everyone else', async () => {
    const answer = client.call(prepare, { imageFileDescriptor: 0 }, [image]);
    const { payload, descriptors } = await gateway.siblings.expect('image.prepare');
    closeAll(descriptors);
    const { request } = payload;
    await gateway.siblings.deliver('verity', 'request.progress', { request, phase: 'checking', done: 1, total: 2 });
    await gateway.siblings.deliver('verity', 'image.prepared', { request, rootHash: 'ab', signer: 'me', cached: true });
    expect(await answer).toEqual(ok({ rootHash: 'ab', signer: 'me', cached: true }));
  });
});

describe('GetStatus', () => {
  const entry = (name: 'allocator' | 'verity' | 'gateway', state: 'ready' | 'waiting') => ({
    name,
    state,
    pid: 1,
    restarts: 0,
    residentBytes: 5,
  });

  it('has the reports of those that are ready', async () => {
    await gateway.siblings.deliver('parent', 'mesh.census', {
      services: [entry('gateway', 'ready'), entry('allocator', 'ready'), entry('verity', 'waiting')],
    });
    const answer = client.call(status);
    const { payload, to } = await gateway.siblings.expect('status.ask');
    expect(to).toBe('allocator');
    await gateway.siblings.deliver('allocator', 'status.tell', { request: payload.request, report: { ranges: 3 } });
    expect(parametersOf(await answer)).toMatchObject({
      version: 'unreleased',
      gateway: { connections: 1, requests: 1 },
      services: [
        { name: 'gateway', report: { connections: 1 } },
        { name: 'allocator', state: 'ready', report: { ranges: 3 } },
        { name: 'verity', state: 'waiting' },
      ],
    });
  });
});
