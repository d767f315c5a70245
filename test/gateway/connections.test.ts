/** How a connection behaves: order, read-ahead, slow readers, many users' share, and no descriptors left. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { closeAll } from '../../mesh/descriptors.ts';
import { encodeCall } from '../../varlink/message/call.ts';
import {
  allocate,
  type Client,
  info,
  mount,
  mounted,
  openDescriptors,
  prepare,
  someMount,
  startTestGateway,
  type TestGateway,
  until,
} from './harness.ts';
import { subjectsForAll } from './setting.ts';

const description = 'org.varlink.service.GetInterfaceDescription';

const subjects = subjectsForAll();
let gateway: TestGateway;
let client: Client;
let clock: SimulatedClock;
let before: number;

const begin = async (config: object = {}) => {
  before = openDescriptors().length;
  clock = new SimulatedClock();
  gateway = await startTestGateway(config, clock);
  client = gateway.client();
};
afterEach(async () => {
  await gateway.close();
  expect(openDescriptors().length).toBe(before);
  expect(clock.pending).toBe(0);
});

const allocateParameters = { name: 'x', size: 1, userNamespaceFileDescriptor: 0 };

async function nextAllocation(): Promise<number> {
  const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
  closeAll(descriptors);
  return payload.request;
}
const allocated = (request: number, name = 'x') => gateway.siblings.deliver('allocator', 'range.allocated', { request, name });

describe('calls of one connection', () => {
  beforeEach(() => begin());

  it('are carried out and answered in their order, one after the other', async () => {
    client.send(allocate, { ...allocateParameters, name: 'a' }, [subjects.namespace.fd]);
    client.send(allocate, { ...allocateParameters, name: 'b' }, [subjects.namespace.fd]);
    client.send(info);
    const first = await nextAllocation();
    expect(gateway.siblings.sent()).toEqual([]);
    await allocated(first, 'a');
    await allocated(await nextAllocation(), 'b');
    expect(await client.next()).toMatchObject({ parameters: { name: 'a' } });
    expect(await client.next()).toMatchObject({ parameters: { name: 'b' } });
    expect(await client.next()).toMatchObject({ parameters: { vendor: 'Postern' } });
  });

  it('each have their own descriptors, however many are sent at once', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `n${index}`);
    for (const [index, name] of names.entries()) {
      client.send(
        allocate,
        { name, size: 1, userNamespaceFileDescriptor: index % 3 },
        [subjects.image, subjects.image, subjects.image].with(index % 3, subjects.namespace.fd),
      );
    }
    for (const name of names) {
      const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
      closeAll(descriptors);
      expect(payload.name).toBe(name);
      await allocated(payload.request, name);
      expect(await client.next()).toMatchObject({ parameters: { name } });
    }
  });

  it('are read ahead only so far', async () => {
    for (let i = 0; i < 100; i += 1) client.send(allocate, allocateParameters, [subjects.namespace.fd]);
    const open = () => openDescriptors().length;
    const first = await nextAllocation();
    const atRest = open();
    for (let i = 0; i < 10; i += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(open()).toBe(atRest);
    await allocated(first);
    for (let i = 1; i < 100; i += 1) await allocated(await nextAllocation());
    for (let i = 0; i < 100; i += 1) expect(await client.next()).toMatchObject({ error: null });
  });

  it('that are oneway are not answered, whatever becomes of them', async () => {
    client.send('io.nobody.Method', {}, [], 'oneway');
    client.send(allocate, { name: '', size: 1, userNamespaceFileDescriptor: 5 }, [], 'oneway');
    client.send(info, {}, [], 'oneway');
    client.send(description, { interface: 'io.systemd' });
    expect(await client.next()).toMatchObject({ parameters: { description: expect.any(String) } });
  });

  it('may ask for more where there is only one answer', async () => {
    client.send(info, {}, [], 'more');
    expect(await client.next()).toMatchObject({ continues: false, parameters: { vendor: 'Postern' } });
  });

  it('may come byte by byte', async () => {
    const bytes = encodeCall(info, {});
    for (let i = 0; i < bytes.length; i += 1) {
      client.raw(bytes.subarray(i, i + 1));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.next()).toMatchObject({ error: null });
    expect(clock.pending).toBe(0);
  });
});

const python = ['/usr/bin/python3'].find(existsSync);
it.skipIf(python === undefined)('urgent data, which Varlink has no use for, ends the connection (needs python3 to send some)', async () => {
  await begin();
  const program = [
    'import socket, sys',
    's = socket.socket(socket.AF_UNIX)',
    's.connect(sys.argv[1])',
    's.send(b"{", socket.MSG_OOB)',
    'try: print(s.recv(9))',
    'except ConnectionResetError: print("reset")',
  ].join('\n');
  const sender = spawn(python ?? '', ['-c', program, gateway.path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  sender.stdout.on('data', (bytes) => (said += bytes));
  await once(sender, 'close');
  expect(said).toMatch(/b''|reset/);
  await until(() => gateway.report().connections === 1);
});

describe('a client that does not read', () => {
  beforeEach(() => begin());

  it('holds up nobody but itself, and is let go of after a while', async () => {
    client.reading = false;
    for (let i = 0; i < 200; i += 1) client.send(description, { interface: 'io.systemd.NamespaceResource' });
    await until(() => clock.pending > 0);
    const other = gateway.client();
    expect(await other.call(info)).toMatchObject({ error: null });
    expect(gateway.report()).toMatchObject({ connections: 2 });
    clock.advance(25_000);
    expect(gateway.report()).toMatchObject({ connections: 1 });
  });

  it('and goes on later gets everything', async () => {
    client.reading = false;
    for (let i = 0; i < 100; i += 1) client.send(description, { interface: 'io.systemd.NamespaceResource' });
    await until(() => clock.pending > 0);
    client.reading = true;
    for (let i = 0; i < 100; i += 1) expect(await client.next()).toMatchObject({ error: null });
  });

  it('is told only the news of a progress', async () => {
    client.reading = false;
    client.send(prepare, { imageFileDescriptor: 0 }, [subjects.image], 'more');
    const { payload, descriptors } = await gateway.siblings.expect('image.prepare');
    closeAll(descriptors);
    const { request } = payload;
    for (let done = 0; done < 5000; done += 1) {
      await gateway.siblings.deliver('verity', 'request.progress', { request, phase: 'checking', done, total: 5000 });
    }
    await gateway.siblings.deliver('verity', 'image.prepared', { request, rootHash: 'ab', signer: null, cached: false });
    client.reading = true;
    let replies = 0;
    for (let got = await client.next(); got !== 'end' && got.continues; got = await client.next()) replies += 1;
    expect(replies).toBeGreaterThan(0);
    expect(replies).toBeLessThan(5000);
  });
});

describe('one user', () => {
  it('has so many connections and no more', async () => {
    await begin({ limits: { connections_per_user: 3 } });
    const clients = [gateway.client(), gateway.client()];
    for (const each of clients) expect(await each.call(info)).toMatchObject({ error: null });
    const refused = gateway.client();
    expect(await refused.next()).toBe('end');
    client.close();
    await until(() => gateway.report().connections === 2);
    expect(await gateway.client().call(info)).toMatchObject({ error: null });
    expect(gateway.report()).toMatchObject({ turnedAway: 1 });
  });

  it('has so many requests under way; the others wait and are not refused', async () => {
    await begin({ limits: { requests_per_user: 2 } });
    const clients = [client, gateway.client(), gateway.client(), gateway.client()];
    for (const each of clients) each.send(allocate, allocateParameters, [subjects.namespace.fd]);
    const running = [await nextAllocation(), await nextAllocation()];
    await until(() => gateway.report().waiting === 2);
    expect(gateway.siblings.sent()).toEqual([]);
    for (const request of running) await allocated(request);
    for (let i = 0; i < 2; i += 1) await allocated(await nextAllocation());
    for (const each of clients) expect(await each.next()).toMatchObject({ error: null });
  });

  it('that waits and goes away is forgotten', async () => {
    await begin({ limits: { requests_per_user: 1 } });
    const other = gateway.client();
    client.send(allocate, allocateParameters, [subjects.namespace.fd]);
    const first = await nextAllocation();
    other.send(allocate, allocateParameters, [subjects.namespace.fd]);
    await until(() => gateway.report().waiting === 1);
    other.close();
    await until(() => gateway.report().waiting === 0);
    await allocated(first);
    expect(await client.next()).toMatchObject({ error: null });
    expect(gateway.siblings.sent()).toEqual([]);
  });

  it('may hold so many bytes; more is read when there is room', async () => {
    await begin({ limits: { bytes_per_user: 1000 } });
    const other = gateway.client();
    client.send(allocate, { ...allocateParameters, name: 'x'.repeat(255) }, [subjects.namespace.fd]);
    const first = await nextAllocation();
    for (let i = 0; i < 20; i += 1) client.send(info, { ...{ x: 'y'.repeat(300) } });
    await until(() => clock.pending > 0);
    await allocated(first);
    for (let i = 0; i < 21; i += 1) expect(await client.next()).not.toBe('end');
    expect(await other.call(info)).toMatchObject({ error: null });
  });

  it('is no obstacle for another', async () => {
    await begin({ limits: { requests_per_user: 1, connections_per_user: 2 } });
    client.send(allocate, allocateParameters, [subjects.namespace.fd]);
    await nextAllocation();
    const program = `
      const { connect } = require('node:net');
      const socket = connect(${JSON.stringify(gateway.path)}, () => socket.write('{"method":"${info}"}\\0'));
      socket.on('data', (bytes) => { process.stdout.write(bytes); socket.end(); });`;
    execFileSync('chmod', ['755', join(gateway.path, '..')]);
    const stranger = spawn(process.execPath, ['-e', program], { uid: 12345, gid: 12345, stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    stranger.stdout.on('data', (bytes) => (said += bytes));
    await once(stranger, 'close');
    expect(said).toContain('"vendor":"Postern"');
  });
});

describe('descriptors in an answer', () => {
  it('count against their user until they are read', async () => {
    await begin({ limits: { descriptors_per_user: 254 } });
    client.reading = false;
    client.send(mount, { imageFileDescriptor: 0 }, [subjects.image]);
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    closeAll(descriptors);
    await gateway.siblings.deliver('lsm', 'image.mounted', { request: payload.request, mounted: mounted(['root', '/'], ['usr', '/usr']) }, [
      someMount(),
      someMount(),
    ]);
    client.send(info);
    for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(1000);
    expect(gateway.report()).toMatchObject({ succeeded: 1 });
    client.reading = true;
    const got = await client.next();
    if (got !== 'end') closeAll(got.descriptors);
    clock.advance(100);
    expect(await client.next()).toMatchObject({ parameters: { vendor: 'Postern' } });
  });
});
