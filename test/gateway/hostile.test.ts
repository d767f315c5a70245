/** What hostile clients send: each thing is refused by name, nothing of it reaches a sibling, and nothing stays behind. */
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { native } from '../../native/index.ts';
import { encodeCall } from '../../varlink/message/call.ts';
import {
  allocate,
  type Client,
  info,
  invalid,
  mount,
  Namespace,
  openDescriptors,
  prepare,
  startTestGateway,
  type TestGateway,
  until,
} from './harness.ts';

const flags = { path: 0o10000000, readWrite: 2, write: 1, append: 0o2000, nonBlock: 0o4000 };
const badFlags = 'io.systemd.MountFileSystem.BadFileDescriptorFlags';
const limitReached = 'io.postern.Gateway.LimitReached';

let folder: string;
let namespace: Namespace;
let gateway: TestGateway;
let client: Client;
let clock: SimulatedClock;
let before: number;
const opened: number[] = [];

function open(path: string, how: number | string): number {
  const fd = openSync(path, how);
  opened.push(fd);
  return fd;
}
const image = () => open(join(folder, 'image'), 'r');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'postern-hostile-'));
  writeFileSync(join(folder, 'image'), 'an image');
  namespace = await Namespace.create();
});
afterAll(async () => {
  await namespace.end();
  rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  before = openDescriptors().length;
  clock = new SimulatedClock();
  gateway = await startTestGateway({}, clock);
  client = gateway.client();
});
afterEach(async () => {
  for (const fd of opened.splice(0)) native.close(fd);
  await gateway.close();
  expect(openDescriptors().length).toBe(before);
});

/** Nothing went to a sibling, and the connection still serves. */
async function survives(): Promise<void> {
  expect(gateway.siblings.sent()).toEqual([]);
  expect(await client.call(info)).toMatchObject({ error: null });
}

describe('descriptors of an image', () => {
  for (const [what, make, error, reason] of [
    ['O_PATH', () => open(join(folder, 'image'), flags.path), badFlags, 'DESCRIPTOR_FLAGS'],
    ['write-only', () => open(join(folder, 'image'), flags.write), badFlags, 'DESCRIPTOR_FLAGS'],
    ['O_APPEND', () => open(join(folder, 'image'), flags.readWrite | flags.append), badFlags, 'DESCRIPTOR_FLAGS'],
    ['a directory', () => open(folder, 'r'), invalid, 'DESCRIPTOR_TYPE'],
    ['a directory by O_PATH', () => open(folder, flags.path), invalid, 'DESCRIPTOR_TYPE'],
    ['a character device', () => open('/dev/zero', 'r'), invalid, 'DESCRIPTOR_TYPE'],
    ['a namespace', () => open('/proc/self/ns/user', 'r'), invalid, 'DESCRIPTOR_TYPE'],
  ] as const) {
    it(`${what} is refused`, async () => {
      client.send(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1 }, [make(), namespace.fd]);
      expect(await client.error()).toMatchObject({ error, reason, parameter: 'imageFileDescriptor' });
      client.send(prepare, { imageFileDescriptor: 0 }, [make()]);
      expect(await client.error()).toMatchObject({ reason, parameter: 'imageFileDescriptor' });
      await survives();
    });
  }

  it('O_NONBLOCK is harmless', async () => {
    client.send(prepare, { imageFileDescriptor: 0 }, [open(join(folder, 'image'), flags.nonBlock)]);
    const { descriptors } = await gateway.siblings.expect('image.prepare');
    for (const descriptor of descriptors) descriptor.close();
  });

  it('a hash tree is looked at just as closely', async () => {
    client.send(
      mount,
      { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1, verityDataFileDescriptor: 2, verityRootHash: 'ab'.repeat(32) },
      [image(), namespace.fd, open(join(folder, 'image'), flags.path)],
    );
    expect(await client.error()).toMatchObject({ error: badFlags, parameter: 'verityDataFileDescriptor' });
    await survives();
  });
});

describe('descriptors of a namespace', () => {
  for (const [what, make] of [
    ['a file', image],
    ['another kind of namespace', () => open('/proc/self/ns/net', 'r')],
    ['a directory', () => open(folder, 'r')],
    ['O_PATH', () => open(`/proc/self/fd/${namespace.fd}`, flags.path)],
  ] as const) {
    it(`${what} is refused`, async () => {
      client.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }, [make()]);
      expect(await client.error()).toMatchObject({ error: invalid, parameter: 'userNamespaceFileDescriptor' });
      client.send(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1 }, [image(), make()]);
      expect(await client.error()).toMatchObject({ parameter: 'userNamespaceFileDescriptor' });
      await survives();
    });
  }
});

describe('indices', () => {
  for (const [index, descriptors] of [
    [1, 1],
    [-1, 1],
    [253, 1],
    [2 ** 31, 1],
    [2 ** 53 - 1, 1],
    [0, 0],
  ] as const) {
    it(`${index} with ${descriptors} descriptors is refused`, async () => {
      const given = descriptors === 1 ? [namespace.fd] : [];
      client.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: index }, given);
      expect(await client.error()).toMatchObject({ error: invalid, reason: 'DESCRIPTOR_INDEX', parameter: 'userNamespaceFileDescriptor' });
      await survives();
    });
  }

  it('descriptors that no parameter names are closed', async () => {
    client.send(allocate, { name: 'x', size: 7, userNamespaceFileDescriptor: 0 }, Array(253).fill(namespace.fd));
    expect(await client.error()).toMatchObject({ error: invalid, parameter: 'size' });
    client.send(info, {}, [image()]);
    expect(await client.next()).toMatchObject({ error: null });
    await survives();
  });

  it('descriptors of a message are not those of the next', async () => {
    client.raw(Buffer.concat([encodeCall(info, {}), encodeCall(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 })]), [
      namespace.fd,
    ]);
    expect(await client.next()).toMatchObject({ error: null });
    expect(await client.error()).toMatchObject({ reason: 'DESCRIPTOR_INDEX' });
  });

  it('nor are they those of the one before, although the kernel glues them together', async () => {
    client.raw(encodeCall(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }));
    client.raw(encodeCall(info, {}), [namespace.fd]);
    expect(await client.error()).toMatchObject({ reason: 'DESCRIPTOR_INDEX' });
    expect(await client.next()).toMatchObject({ error: null });
  });
});

describe('descriptors in the wrong place', () => {
  it('inside of a message end the connection', async () => {
    client.raw('{"method":');
    await until(() => clock.pending > 0);
    client.raw('"x.y.Z"}\0', [namespace.fd]);
    expect(await client.next()).toBe('end');
  });

  it('254 can not be sent at once, and the 254th is not taken with the rest of the message', async () => {
    expect(() => native.send(0, Buffer.from('x'), Array(254).fill(namespace.fd))).toThrow(/253/);
    client.raw('{"method":', Array(253).fill(namespace.fd));
    await until(() => clock.pending > 0);
    client.raw('"x.y.Z"}\0', [namespace.fd]);
    expect(await client.next()).toBe('end');
    expect(gateway.siblings.sent()).toEqual([]);
  });

  it('more than one user may have are left with the kernel until others are gone', async () => {
    for (let i = 0; i < 40; i += 1) client.send(info, {}, Array(253).fill(namespace.fd));
    for (let i = 0; i < 40; i += 1) expect(await client.next()).toMatchObject({ error: null });
  });
});

describe('parameters', () => {
  for (const [method, parameters, parameter] of [
    [allocate, {}, 'name'],
    [allocate, { name: 1, size: 1, userNamespaceFileDescriptor: 0 }, 'name'],
    [allocate, { name: '', size: 1, userNamespaceFileDescriptor: 0 }, 'name'],
    [allocate, { name: 'x'.repeat(256), size: 1, userNamespaceFileDescriptor: 0 }, 'name'],
    [allocate, { name: 'a\0b', size: 1, userNamespaceFileDescriptor: 0 }, 'name'],
    [allocate, { name: 'x', size: 2, userNamespaceFileDescriptor: 0 }, 'size'],
    [allocate, { name: 'x', size: 65536, type: 'self', userNamespaceFileDescriptor: 0 }, 'size'],
    [allocate, { name: 'x', size: 1, type: 'other', userNamespaceFileDescriptor: 0 }, 'type'],
    [allocate, { name: 'x', size: 1, type: 'self', target: 5, userNamespaceFileDescriptor: 0 }, 'target'],
    [allocate, { name: 'x', size: 1, target: -1, userNamespaceFileDescriptor: 0 }, 'target'],
    [allocate, { name: 'x', size: 1, target: 2 ** 32 - 1, userNamespaceFileDescriptor: 0 }, 'target'],
    [allocate, { name: 'x', size: 65536, target: 2 ** 32 - 65536, userNamespaceFileDescriptor: 0 }, 'target'],
    [allocate, { name: 'x', size: 1, delegateContainerRanges: -1, userNamespaceFileDescriptor: 0 }, 'delegateContainerRanges'],
    [allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0, newer: true }, 'newer'],
    [mount, { imageFileDescriptor: 0, password: 'ü'.repeat(2049) }, 'password'],
    [mount, { imageFileDescriptor: 0, verityRootHash: 'ab'.repeat(32) }, 'verityDataFileDescriptor'],
    [mount, { imageFileDescriptor: 0, verityDataFileDescriptor: 0 }, 'verityDataFileDescriptor'],
    [mount, { imageFileDescriptor: 0, verityRootHashSignature: 'MAo=' }, 'verityRootHashSignature'],
    [mount, { imageFileDescriptor: 0, verityDataFileDescriptor: 0, verityRootHash: 'xy' }, 'verityRootHash'],
    [
      mount,
      { imageFileDescriptor: 0, verityDataFileDescriptor: 0, verityRootHash: 'ab'.repeat(32), verityRootHashSignature: '?' },
      'verityRootHashSignature',
    ],
    [mount, { imageFileDescriptor: 0, imagePolicy: '='.repeat(5000) }, 'imagePolicy'],
    [mount, { imageFileDescriptor: 0, mountOptions: { root: 'x'.repeat(2000) } }, 'mountOptions'],
    [mount, { imageFileDescriptor: 0, mountOptions: { 'root-verity': 'x', root_verity: 'y' } }, 'mountOptions'],
    [mount, { imageFileDescriptor: 0, mountOptions: { root: 1 } }, 'mountOptions'],
  ] as const) {
    it(`${JSON.stringify(parameters).slice(0, 120)} are refused for ${parameter}`, async () => {
      client.send(method, parameters, [method === allocate ? namespace.fd : image()]);
      expect(await client.error()).toMatchObject({ error: invalid, parameter });
      await survives();
    });
  }

  it('too many delegations have an error of their own', async () => {
    client.send(allocate, { name: 'x', size: 1, delegateContainerRanges: 17, userNamespaceFileDescriptor: 0 }, [namespace.fd]);
    expect(await client.error()).toMatchObject({ error: 'io.systemd.NamespaceResource.TooManyDelegations' });
  });
});

describe('messages', () => {
  for (const bytes of [
    '\0',
    'x\0',
    '[]\0',
    '{}\0',
    '{"method":"a.b.C","flags":1}\0',
    '{"method":"a.b.C","more":true,"oneway":true}\0',
    '{"method":"\xff"}\0',
  ]) {
    it(`${JSON.stringify(bytes)} ends the connection`, async () => {
      client.raw(Buffer.from(bytes, 'latin1'), [namespace.fd]);
      expect(await client.next()).toBe('end');
    });
  }

  it('what came before is answered first', async () => {
    client.raw(Buffer.concat([encodeCall(info, {}), encodeCall(info, {}), Buffer.from('x\0'), encodeCall(info, {})]));
    expect(await client.next()).toMatchObject({ error: null });
    expect(await client.next()).toMatchObject({ error: null });
    expect(await client.next()).toBe('end');
  });

  it('nested 8,000 deep ends the connection', async () => {
    client.raw(`{"method":"${info}","parameters":{"x":${'['.repeat(8000)}${']'.repeat(8000)}}}\0`);
    expect(await client.next()).toBe('end');
  });

  it('of 17 MiB are refused by name', async () => {
    client.raw(Buffer.concat([Buffer.from('{"method":"'), Buffer.alloc(17 << 20, 'a'), Buffer.from('"}\0')]), [namespace.fd]);
    expect(await client.error()).toMatchObject({
      error: limitReached,
      reason: 'LIMIT_REACHED',
      message: expect.stringContaining('16 MiB'),
    });
    expect(await client.next()).toBe('end');
  });

  it('half of one and silence are refused by name', async () => {
    client.raw('{"method":', [namespace.fd]);
    await until(() => clock.pending > 0);
    clock.advance(24_999);
    expect(gateway.report()).toMatchObject({ connections: 1 });
    clock.advance(1);
    expect(await client.error()).toMatchObject({ error: 'io.postern.Gateway.TimedOut' });
    expect(await client.next()).toBe('end');
  });

  it('that trickle in have no more time than others', async () => {
    client.raw('{');
    await until(() => clock.pending > 0);
    for (let i = 0; i < 5; i += 1) {
      clock.advance(6_000);
      client.raw(' ');
    }
    expect(await client.error()).toMatchObject({ error: 'io.postern.Gateway.TimedOut' });
  });

  it('silence without half a message lasts as long as the client likes', async () => {
    await client.call(info);
    clock.advance(10_000_000);
    await survives();
  });
});

it('a call that asks for another protocol is refused, and the connection goes on', async () => {
  client.send(info, {}, [], 'upgrade');
  expect(await client.error()).toMatchObject({ error: 'io.postern.Gateway.UpgradeNotSupported' });
  await survives();
});

it('a call of an unknown method is told so, whatever it asks for', async () => {
  client.send('io.nobody.Method', {}, [], 'upgrade');
  expect(await client.error()).toMatchObject({ error: 'org.varlink.service.MethodNotFound' });
  await survives();
});
