/** The client does not trust its server: a reply is checked as a call is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BadReply, CallError, ConnectionLost, PosternClient } from '../../client/client.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { Stream } from '../../mesh/stream.ts';
import { native } from '../../native/index.ts';

let folder: string;
let listener: Descriptor;
let postern: PosternClient;
let server: Stream;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-replies-'));
  const path = join(folder, 'socket');
  listener = new Descriptor(native.listen(path, 0o600, 1));
  postern = PosternClient.connect(path);
  const socket = native.accept(listener.fd);
  if (socket === null) throw new Error('nobody came');
  server = new Stream(new Descriptor(socket), { readable: () => void server.read(0, true), drained() {}, hungUp() {} });
});
afterEach(() => {
  postern.close();
  server.close();
  listener.close();
  rmSync(folder, { recursive: true });
});

const answer = (bytes: string, descriptors: Descriptor[] = []) => server.write(Buffer.from(`${bytes}\0`), descriptors);

for (const [what, bytes] of [
  ['no JSON', 'x'],
  ['no reply', '[]'],
  ['parameters of the wrong type', '{"parameters":{"version":1}}'],
  ['no parameters', '{}'],
] as const) {
  it(`${what} is refused`, async () => {
    const status = postern.status();
    answer(bytes);
    await expect(status).rejects.toThrow();
  });
}

const mountedImage = (...mounts: number[]) =>
  JSON.stringify({
    parameters: {
      partitions: mounts.map((mountFileDescriptor) => ({
        designator: 'root',
        writable: false,
        growFileSystem: false,
        fileSystemType: 'erofs',
        size: 1,
        offset: 0,
        mountFileDescriptor,
      })),
      singleFileSystem: true,
      imagePolicy: '',
      imageSize: 1,
      sectorSize: 512,
    },
  });

for (const [what, mounts] of [
  ['points past the descriptors', [1]],
  ['points before them', [-1]],
  ['is the mount of another', [0, 0]],
] as const) {
  it(`a partition whose mount ${what} is refused, and nothing is left open`, async () => {
    const image = postern.mountImage({ image: listener });
    answer(mountedImage(...mounts), [listener.duplicate()]);
    await expect(image).rejects.toBeInstanceOf(BadReply);
  });
}

it('descriptors that nothing points at are closed', async () => {
  const image = postern.mountImage({ image: listener });
  answer(mountedImage(1), [listener.duplicate(), listener.duplicate(), listener.duplicate()]);
  using got = await image;
  expect(got.partitions).toHaveLength(1);
});

it('a directory without its descriptor is refused, whatever else came', async () => {
  const directory = postern.makeDirectory({ parent: listener, name: 'x' });
  answer('{"parameters":{"directoryFileDescriptor":3}}', [listener.duplicate()]);
  await expect(directory).rejects.toBeInstanceOf(BadReply);
});

it('a tap comes with its descriptor, which is the caller’s', async () => {
  const made = postern.addTap(listener);
  answer('{"parameters":{"hostInterfaceName":"ns-x","interfaceFileDescriptor":1}}', [listener.duplicate(), listener.duplicate()]);
  const { tap, hostName } = await made;
  expect(hostName).toBe('ns-x');
  tap.close();
});

it('a tap without its descriptor is refused', async () => {
  const made = postern.addTap(listener);
  answer('{"parameters":{"hostInterfaceName":"ns-x"}}', [listener.duplicate()]);
  await expect(made).rejects.toBeInstanceOf(BadReply);
});

it('a veth has two names and no descriptor, whatever came along', async () => {
  const made = postern.addVeth({ userNamespace: listener, networkNamespace: listener });
  answer('{"parameters":{"hostInterfaceName":"ns-x","namespaceInterfaceName":"host0"}}', [listener.duplicate()]);
  expect(await made).toEqual({ hostName: 'ns-x', name: 'host0' });
});

it('a control group is given without an answer worth telling', async () => {
  const given = postern.addControlGroup({ userNamespace: listener, controlGroup: listener });
  answer('{"parameters":{}}', [listener.duplicate()]);
  expect(await given).toBe(undefined);
});

it('an error that comes with descriptors leaves none of them open', async () => {
  const directory = postern.makeDirectory({ parent: listener, name: 'x' });
  answer('{"error":"org.varlink.service.PermissionDenied","parameters":{}}', [listener.duplicate()]);
  await expect(directory).rejects.toBeInstanceOf(CallError);
});

it('further replies to a call that has one end the connection', async () => {
  const directory = postern.makeDirectory({ parent: listener, name: 'x' });
  answer('{"parameters":{"directoryFileDescriptor":0},"continues":true}', [listener.duplicate()]);
  await expect(directory).rejects.toBeInstanceOf(BadReply);
});

it('descriptors in the middle of a reply end the connection', async () => {
  const status = postern.status();
  server.write(Buffer.from('{"param'));
  // or the kernel would glue the two together
  while (server.unread > 0) await new Promise((resolve) => setImmediate(resolve));
  server.write(Buffer.from('eters":{}}\0'), [listener.duplicate()]);
  await expect(status).rejects.toThrow('descriptors came inside a message');
});

it('a reply without an end is cut off at 16 MiB', async () => {
  const status = postern.status();
  server.write(Buffer.alloc(17 * 1024 * 1024, ' '));
  await expect(status).rejects.toThrow('16777216 bytes');
});

it('a reply to no call ends the connection', async () => {
  answer('{}');
  await new Promise((resolve) => setTimeout(resolve, 20));
  await expect(postern.status()).rejects.toBeInstanceOf(BadReply);
});

it('newer fields are passed over', async () => {
  const status = postern.status();
  const gateway = { users: 1, connections: 1, requests: 1, waiting: 0, succeeded: 0, failed: 0, cancelled: 0, newer: 1 };
  answer(JSON.stringify({ parameters: { version: '9', generation: 1, gateway, services: [], incomplete: false, newer: true } }));
  expect(await status).toMatchObject({ version: '9' });
});

it('an error that nobody has heard of is told by its name', async () => {
  const status = postern.status();
  answer('{"error":"org.other.Failed","parameters":{"x":1}}');
  await expect(status).rejects.toMatchObject({ name: 'CallError', error: 'org.other.Failed', message: 'org.other.Failed', reason: null });
});

it('an error with its parameters is told apart by its name', async () => {
  const status = postern.status();
  answer('{"error":"org.varlink.service.MethodNotFound","parameters":{"method":"a.b.C"}}');
  const error = await status.catch((thrown: unknown) => thrown);
  if (!(error instanceof CallError)) throw new Error('nothing was refused');
  expect(error.code).toBe('CALL_FAILED');
  expect(error.is('org.varlink.service.PermissionDenied')).toBe(false);
  // the type knows the parameter from here on
  expect(error.is('org.varlink.service.MethodNotFound') ? error.parameters.method : null).toBe('a.b.C');
});

it('an error without the parameters that its interface declares is not that error', async () => {
  const status = postern.status();
  answer('{"error":"org.varlink.service.MethodNotFound","parameters":{}}');
  const error = await status.catch((thrown: unknown) => thrown);
  expect(error instanceof CallError && error.is('org.varlink.service.MethodNotFound')).toBe(false);
});

it('half a reply and the end is a lost connection', async () => {
  const status = postern.status();
  server.write(Buffer.from('{"param'));
  server.close();
  await expect(status).rejects.toBeInstanceOf(ConnectionLost);
});
