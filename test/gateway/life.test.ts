import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../mesh/clock.ts';
import { closeAll } from '../../mesh/descriptors.ts';
import type { MessageName, ServiceName } from '../../mesh/protocol.ts';
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

const died = { error: 'io.postern.Gateway.ServiceDied', reason: 'SERVICE_DIED' };

const subjects = subjectsForAll();
let gateway: TestGateway;
let client: Client;
let clock: SimulatedClock;
let before: number;
/** the generation of each sibling's present life */
let lives: Map<ServiceName, number>;

beforeEach(async () => {
  before = openDescriptors().length;
  clock = new SimulatedClock();
  gateway = await startTestGateway({}, clock);
  lives = new Map();
  for (const stage of ['allocator', 'verity', 'mounter', 'lsm', 'network'] as const) restart(stage);
  client = gateway.client();
});
afterEach(async () => {
  await gateway.close();
  expect(openDescriptors().length).toBe(before);
  expect(clock.pending).toBe(0);
});

function restart(stage: ServiceName): void {
  gateway.siblings.peerDown(stage);
  lives.set(stage, gateway.siblings.peerUp(stage));
}

/** A request of a client that has set out; what it took along is closed. */
async function underWay<N extends 'range.allocate' | 'image.mount' | 'image.prepare'>(name: N): Promise<number> {
  const { payload, descriptors } = await gateway.siblings.expect(name);
  closeAll(descriptors);
  return payload.request;
}
async function mounting(from = client): Promise<number> {
  from.send(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1 }, [subjects.image, subjects.namespace.fd]);
  return underWay('image.mount');
}
async function allocating(from = client): Promise<number> {
  from.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }, [subjects.namespace.fd]);
  return underWay('range.allocate');
}
function handOff(request: number, from: ServiceName, to: Exclude<ServiceName, 'gateway'>, generation = lives.get(to) ?? 0): Promise<void> {
  return gateway.siblings.deliver(from, 'request.handoff', { request, to, generation });
}
const sentNames = (): MessageName[] => gateway.siblings.sent().map(({ name }) => name);

const mountedPayload = (request: number) => ({ request, mounted: mounted() });

describe('a deadline', () => {
  it('ends a request that nobody answers, by name', async () => {
    const request = await allocating();
    clock.advance(44_999);
    expect(gateway.report()).toMatchObject({ requests: 1 });
    clock.advance(1);
    expect(await client.error()).toMatchObject({ error: 'io.postern.Gateway.TimedOut', reason: 'TIMED_OUT' });
    await gateway.siblings.deliver('allocator', 'range.allocated', { request, name: 'x' });
    expect(await client.call(info)).toMatchObject({ error: null });
  });

  it('is longer for images, and verity is told to stop', async () => {
    const request = await mounting();
    await handOff(request, 'allocator', 'verity');
    clock.advance(599_999);
    expect(sentNames()).toEqual([]);
    clock.advance(1);
    expect(gateway.siblings.take('request.cancel').payload).toEqual({ request });
    expect(await client.error()).toMatchObject({ reason: 'TIMED_OUT' });
  });

  it('travels with the request, on the clock that all processes share', async () => {
    client.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }, [subjects.namespace.fd]);
    const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
    closeAll(descriptors);
    expect(payload.deadline).toBe(clock.now() + 45_000);
  });
});

describe('a client that goes away', () => {
  it('takes its request with it; verity is told, and late mounts are closed', async () => {
    const request = await mounting();
    await handOff(request, 'allocator', 'verity');
    client.close();
    expect((await gateway.siblings.expect('request.cancel')).payload).toEqual({ request });
    await gateway.siblings.deliver('lsm', 'image.mounted', mountedPayload(request), [someMount()]);
    expect(gateway.report()).toMatchObject({ connections: 0, requests: 0, cancelled: 1 });
  });

  it('does not disturb verity when the request has passed it', async () => {
    const request = await mounting();
    await handOff(request, 'allocator', 'verity');
    await handOff(request, 'verity', 'mounter');
    client.close();
    await until(() => gateway.report().cancelled === 1);
    expect(sentNames()).toEqual([]);
  });

  it('still gets its answer when it only has nothing more to say', async () => {
    const request = await allocating();
    client.halfClose();
    await new Promise((resolve) => setImmediate(resolve));
    await gateway.siblings.deliver('allocator', 'range.allocated', { request, name: 'x' });
    expect(await client.next()).toMatchObject({ parameters: { name: 'x' } });
    expect(await client.next()).toBe('end');
    expect(gateway.report()).toMatchObject({ connections: 0 });
  });

  it('is noticed also after it said that it has nothing more to say', async () => {
    await allocating();
    client.halfClose();
    await new Promise((resolve) => setImmediate(resolve));
    client.close();
    await until(() => gateway.report().connections === 0);
    expect(gateway.report()).toMatchObject({ cancelled: 1 });
  });

  it('does not take a oneway call with it', async () => {
    client.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }, [subjects.namespace.fd], 'oneway');
    client.send(allocate, { name: 'y', size: 1, userNamespaceFileDescriptor: 0 }, [subjects.namespace.fd], 'oneway');
    client.close();
    const first = await underWay('range.allocate');
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: first, name: 'x' });
    const second = await underWay('range.allocate');
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: second, name: 'y' });
    await until(() => gateway.report().connections === 0);
    expect(gateway.report()).toMatchObject({ succeeded: 2 });
  });
});

describe('the death of a process', () => {
  it('fails exactly the requests that were there', async () => {
    const other = gateway.client();
    const third = gateway.client();
    await mounting();
    const atVerity = await mounting(other);
    await handOff(atVerity, 'allocator', 'verity');
    const atMounter = await mounting(third);
    await handOff(atMounter, 'allocator', 'verity');
    await handOff(atMounter, 'verity', 'mounter');
    restart('verity');
    expect(await other.error()).toMatchObject(died);
    expect(gateway.report()).toMatchObject({ requests: 2, failed: 1 });
    restart('allocator');
    expect(await client.error()).toMatchObject(died);
    await gateway.siblings.deliver('lsm', 'image.mounted', mountedPayload(atMounter), [someMount()]);
    const got = await third.next();
    expect(got).toMatchObject({ error: null });
    if (got !== 'end') closeAll(got.descriptors);
  });

  it('does not touch a request that was handed to the next life', async () => {
    const request = await mounting();
    gateway.siblings.peerDown('verity');
    const next = gateway.siblings.peerUp('verity');
    await handOff(request, 'allocator', 'verity', next);
    expect(gateway.report()).toMatchObject({ requests: 1, failed: 0 });
  });

  it('fails a request at once that was handed to a life that had ended', async () => {
    const request = await mounting();
    const old = lives.get('verity');
    restart('verity');
    await handOff(request, 'allocator', 'verity', old);
    expect(await client.error()).toMatchObject(died);
  });

  it('fails a request that comes back to a stage that has died since it left', async () => {
    const request = await allocating();
    await handOff(request, 'allocator', 'lsm');
    const old = lives.get('allocator');
    restart('allocator');
    expect(gateway.report()).toMatchObject({ requests: 1 });
    await handOff(request, 'lsm', 'allocator', old);
    expect(await client.error()).toMatchObject(died);
  });

  it('is told apart although news of different processes overtake each other', async () => {
    const request = await mounting();
    await handOff(request, 'verity', 'mounter');
    await handOff(request, 'allocator', 'verity');
    restart('verity');
    expect(gateway.report()).toMatchObject({ requests: 1, failed: 0 });
    restart('mounter');
    expect(await client.error()).toMatchObject(died);
  });

  it('lets requests for it wait until it is back', async () => {
    gateway.siblings.peerDown('allocator');
    client.send(allocate, { name: 'x', size: 1, userNamespaceFileDescriptor: 0 }, [subjects.namespace.fd]);
    await until(() => gateway.report().requests === 1);
    expect(sentNames()).toEqual([]);
    gateway.siblings.peerUp('allocator');
    const request = await underWay('range.allocate');
    await gateway.siblings.deliver('allocator', 'range.allocated', { request, name: 'x' });
    expect(await client.next()).toMatchObject({ parameters: { name: 'x' } });
  });
});

it('a stage may end a request with any error, and later news of it are of no consequence', async () => {
  const request = await mounting();
  await gateway.siblings.deliver('verity', 'request.failed', { request, code: 'VERITY_DATA', detail: 'block 7', parameter: null });
  expect(await client.error()).toMatchObject({ error: 'io.systemd.MountFileSystem.VerityFailure', reason: 'VERITY_DATA' });
  await handOff(request, 'allocator', 'verity');
  await gateway.siblings.deliver('verity', 'request.failed', { request, code: 'INTERNAL', detail: '', parameter: null });
  await gateway.siblings.deliver('lsm', 'image.mounted', mountedPayload(request), [someMount()]);
  expect(await client.call(info)).toMatchObject({ error: null });
});

it('an answer to another question is closed and changes nothing', async () => {
  const request = await allocating();
  await gateway.siblings.deliver('lsm', 'image.mounted', mountedPayload(request), [someMount()]);
  await gateway.siblings.deliver('allocator', 'range.allocated', { request, name: 'x' });
  expect(await client.next()).toMatchObject({ parameters: { name: 'x' } });
});

it('numbers of requests are of this life of the gateway', async () => {
  const request = await allocating();
  expect(Math.floor(request / 2 ** 32)).toBe(1);
  await gateway.siblings.deliver('allocator', 'range.allocated', { request, name: 'x' });
  await client.next();
  client.send(prepare, { imageFileDescriptor: 0 }, [subjects.image]);
  expect(await underWay('image.prepare')).toBe(request + 1);
});

it('stopping ends every connection, and what was under way with it', async () => {
  await allocating();
  await gateway.stop();
  expect(await client.next()).toBe('end');
  expect(gateway.report()).toMatchObject({ connections: 0, requests: 0, cancelled: 1 });
});
