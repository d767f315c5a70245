/** The client does not trust its server: a reply is checked as a call is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { BadReply, ConnectionLost, PosternClient } from '../../client/client.ts';
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

it('a partition without its mount is refused, and nothing is left open', async () => {
  const image = postern.mountImage({ image: listener });
  const partition = {
    designator: 'root',
    writable: false,
    growFileSystem: false,
    fileSystemType: 'erofs',
    size: 1,
    offset: 0,
    mountFileDescriptor: 1,
  };
  const reply = { partitions: [partition], singleFileSystem: true, imagePolicy: '', imageSize: 1, sectorSize: 512 };
  answer(JSON.stringify({ parameters: reply }), [listener.duplicate()]);
  await expect(image).rejects.toBeInstanceOf(BadReply);
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

it('half a reply and the end is a lost connection', async () => {
  const status = postern.status();
  server.write(Buffer.from('{"param'));
  server.close();
  await expect(status).rejects.toBeInstanceOf(ConnectionLost);
});
