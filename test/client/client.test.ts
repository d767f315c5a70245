import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CallError, ConnectionLost, PosternClient } from '../../client/client.ts';
import { closeAll } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { mounted, openDescriptors, someMount, startTestGateway, type TestGateway } from '../gateway/harness.ts';
import { subjectsForAll } from '../gateway/setting.ts';

const subjects = subjectsForAll();
let gateway: TestGateway;
let postern: PosternClient;
let before: number;

beforeEach(async () => {
  before = openDescriptors().length;
  gateway = await startTestGateway();
  postern = PosternClient.connect(gateway.path);
});
afterEach(async () => {
  postern.close();
  await gateway.close();
  expect(openDescriptors().length).toBe(before);
});

describe('allocate', () => {
  it('asks for a whole range and a name made fit, unless told otherwise', async () => {
    const answer = postern.allocate({ name: 'web', userNamespace: subjects.namespace });
    const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
    closeAll(descriptors);
    expect(payload).toMatchObject({ name: 'web', size: 65536, mangleName: true });
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web-1' });
    expect(await answer).toEqual({ name: 'web-1' });
  });

  it('rejects with the error’s name, code and sentence, and goes on', async () => {
    const refused = postern.allocate({ name: '', userNamespace: subjects.namespace.fd }).catch((error: unknown) => error);
    const error = await refused;
    if (!(error instanceof CallError)) throw new Error('nothing was refused');
    expect(error).toMatchObject({
      error: 'org.varlink.service.InvalidParameter',
      reason: 'NAME_INVALID',
      parameter: 'name',
      message: expect.stringContaining('up to 21 characters'),
    });
    expect(error.asPosternError()).toMatchObject({ code: 'NAME_INVALID', parameter: 'name', detail: '' });
    expect(await postern.status()).toMatchObject({ version: 'unreleased' });
  });

  it('gives back the detail of a refusal', async () => {
    const refused = postern.mountImage({ image: subjects.namespace, userNamespace: subjects.namespace }).catch((error: unknown) => error);
    const error = await refused;
    if (!(error instanceof CallError)) throw new Error('nothing was refused');
    expect(error.asPosternError()).toMatchObject({ code: 'DESCRIPTOR_TYPE', detail: 'a namespace, not a regular file or block device' });
  });
});

describe('register', () => {
  it('asks for a name made fit, unless told otherwise', async () => {
    const answer = postern.register({ name: 'web', userNamespace: subjects.namespace });
    const { payload, descriptors } = await gateway.siblings.expect('namespace.register');
    closeAll(descriptors);
    expect(payload).toMatchObject({ name: 'web', mangleName: true });
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web-1' });
    expect(await answer).toEqual({ name: 'web-1' });
  });
});

describe('records', () => {
  it('are found by ID', async () => {
    const answer = postern.userRecord({ uid: 70_007 });
    const { payload } = await gateway.siblings.expect('record.find');
    expect(payload).toMatchObject({ id: 70_007, name: null });
    const { request } = payload;
    await gateway.siblings.deliver('allocator', 'record.found', { request, name: 'web', offset: 7, id: 70_007, unit: 65_536 });
    expect(await answer).toMatchObject({ userName: 'ns-web-7', uid: 70_007 });
  });

  it('that are not there are null', async () => {
    const answer = postern.groupRecord({ groupName: 'ns-web-7' });
    const { request } = (await gateway.siblings.expect('record.find')).payload;
    await gateway.siblings.deliver('allocator', 'request.failed', { request, code: 'RECORD_NOT_FOUND', detail: '', parameter: null });
    expect(await answer).toBe(null);
  });
});

describe('mountImage', () => {
  it('gives each partition its own mount', async () => {
    const answer = postern.mountImage({ image: subjects.image, userNamespace: subjects.namespace, readOnly: true, imagePolicy: '*' });
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    closeAll(descriptors);
    expect(payload).toMatchObject({ hasNamespace: true, options: { readOnly: true, imagePolicy: '*' } });
    await gateway.siblings.deliver('lsm', 'image.mounted', { request: payload.request, mounted: mounted(['usr', '/usr'], ['root', '/']) }, [
      someMount(),
      someMount(),
    ]);
    using got = await answer;
    expect(got.facts).toMatchObject({ imagePolicy: '*', imageSize: 8 });
    expect(got.partitions.map(({ designator, mount }) => [designator, native.describe(mount.fd).isMountRoot])).toEqual([
      ['usr', true],
      ['root', true],
    ]);
  });

  it('passes the hash tree of a bare file system along', async () => {
    const answer = postern
      .mountImage({ image: subjects.image, verityData: subjects.image, verityRootHash: 'ab'.repeat(32) })
      .catch((error: unknown) => error);
    const { payload, descriptors } = await gateway.siblings.expect('image.mount');
    closeAll(descriptors);
    expect(payload).toMatchObject({ hasSidecar: true, hasNamespace: false });
    await gateway.siblings.deliver('verity', 'request.failed', {
      request: payload.request,
      code: 'VERITY_DATA',
      detail: 'block 3',
      parameter: null,
    });
    const error = await answer;
    if (!(error instanceof CallError)) throw new Error('nothing was refused');
    expect(error.asPosternError()).toMatchObject({ code: 'VERITY_DATA', detail: 'block 3' });
  });
});

describe('prepare', () => {
  it('yields how far it is, and returns what came of it', async () => {
    const steps = postern.prepare(subjects.image);
    const first = steps.next();
    const { payload, descriptors } = await gateway.siblings.expect('image.prepare');
    closeAll(descriptors);
    const { request } = payload;
    await gateway.siblings.deliver('verity', 'request.progress', { request, phase: 'copying', done: 5, total: 9 });
    expect(await first).toEqual({ done: false, value: { phase: 'copying', done: 5, total: 9 } });
    await gateway.siblings.deliver('verity', 'image.prepared', { request, rootHash: 'ab', signer: 'me', cached: false });
    expect(await steps.next()).toEqual({ done: true, value: { rootHash: 'ab', signer: 'me', cached: false } });
  });

  it('that is left early takes its call back', async () => {
    const consume = async () => {
      for await (const { phase } of postern.prepare(subjects.image)) if (phase === 'checking') break;
    };
    const consumed = consume();
    const { payload, descriptors } = await gateway.siblings.expect('image.prepare');
    closeAll(descriptors);
    const { request } = payload;
    await gateway.siblings.deliver('verity', 'request.progress', { request, phase: 'checking', done: 0, total: 1 });
    await consumed;
    expect((await gateway.siblings.expect('request.cancel')).payload).toEqual({ request });
  });
});

describe('a connection that ends', () => {
  it('fails what waits for an answer, and what is asked afterwards', async () => {
    const answer = postern.allocate({ name: 'web', userNamespace: subjects.namespace }).catch((error: unknown) => error);
    const { descriptors } = await gateway.siblings.expect('range.allocate');
    closeAll(descriptors);
    await gateway.stop();
    expect(await answer).toBeInstanceOf(ConnectionLost);
    await expect(postern.status()).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('by the caller’s own hand too', async () => {
    const answer = postern.status().catch((error: unknown) => error);
    postern.close();
    expect(await answer).toBeInstanceOf(ConnectionLost);
  });
});

it('nobody listening is the kernel’s own error', () => {
  expect(() => PosternClient.connect(`${gateway.path}-nothing`)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
