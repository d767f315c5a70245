/** Who may, where polkit says it: what is asked, when, what becomes of the request meanwhile, and what of the answer. */
import { chmodSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Verdict } from '../../mesh/authority.ts';
import { SimulatedClock } from '../../mesh/clock.ts';
import { closeAll } from '../../mesh/descriptors.ts';
import type { MessageName, Payload } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';
import { ruleFor } from '../../services/gateway/authorise.ts';
import { configSchema } from '../../services/gateway/config.ts';
import { aboutImage } from '../../services/gateway/questions.ts';
import { asUser } from '../support/connect-as.ts';
import { allocate, type Client, mount, Namespace, openDescriptors, startTestGateway, type TestGateway, until } from './harness.ts';

const mountDirectory = 'io.systemd.MountFileSystem.MountDirectory';
const makeDirectory = 'io.systemd.MountFileSystem.MakeDirectory';
const register = 'io.systemd.NamespaceResource.RegisterUserNamespace';
const isRoot = process.getuid?.() === 0;

describe('the rule for a method', () => {
  const config = (given: object) => parse(configSchema, given);
  it('is polkit’s where polkit is to be asked and knows the method, and else everybody’s', () => {
    expect([allocate, mount, makeDirectory].map((method) => ruleFor(method, config({ polkit: true })))).toEqual(Array(3).fill('polkit'));
    expect(ruleFor('io.postern.Gateway.GetStatus', config({ polkit: true }))).toBe('any');
    expect(ruleFor(mount, config({}))).toBe('any');
  });
  it('is the operator’s before that, and may be polkit’s for one method', () => {
    expect(ruleFor(mount, config({ polkit: true, who: { [mount]: 'root' } }))).toBe('root');
    expect(ruleFor(mount, config({ who: { [mount]: 'polkit' } }))).toBe('polkit');
  });
  it('can not be polkit’s where polkit has no action', () => {
    expect(() => config({ who: { 'io.postern.Gateway.GetStatus': 'polkit' } })).toThrow();
  });
});

describe('an image with mount options', () => {
  it('is asked about as one that nobody vouches for, its options in the order of systemd’s daemon', () => {
    const wish = { forHost: false, readOnly: true, interactive: false };
    expect(aboutImage(wish, { usr: 'nosuid,noexec', new: 'x', root: 'nosuid', home: '' })).toEqual({
      action: 'io.systemd.mount-file-system.mount-untrusted-image-privately',
      details: { read_only: '1', mount_options: 'root:nosuid,usr:nosuid,noexec,new:x' },
      interactive: false,
      untrusted: true,
    });
  });
});

describe.skipIf(!isRoot)(`a request of an ordinary user${isRoot ? '' : ' (needs root to become one)'}`, () => {
  let folder: string;
  let namespace: Namespace;
  let image: number;
  let directory: number;
  let gateway: TestGateway;
  let client: Client;
  let clock: SimulatedClock;
  let before: number;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-asks-'));
    writeFileSync(join(folder, 'image'), 'an image');
    mkdirSync(join(folder, 'directory'));
    namespace = await Namespace.create();
    image = openSync(join(folder, 'image'), 'r');
    directory = openSync(join(folder, 'directory'), 'r');
  });
  afterAll(async () => {
    native.close(image);
    native.close(directory);
    await namespace.end();
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    before = openDescriptors().length;
    clock = new SimulatedClock();
    gateway = await startTestGateway({ polkit: true }, clock);
    chmodSync(dirname(gateway.path), 0o755);
    client = asUser(1000, () => gateway.client());
  });
  afterEach(async () => {
    await gateway.close();
    expect(openDescriptors().length).toBe(before);
    expect(clock.pending).toBe(0);
  });

  const sentNames = (): MessageName[] => gateway.siblings.sent().map(({ name }) => name);
  const asked = async (): Promise<Payload<'authority.ask'>> => {
    const { payload, descriptors } = await gateway.siblings.expect('authority.ask');
    closeAll(descriptors);
    return payload;
  };
  const tell = ({ request, ask }: Payload<'authority.ask'>, verdict: Verdict, detail = '') =>
    gateway.siblings.deliver('polkit', 'authority.told', { request, ask, verdict, detail });
  const allocating = () => client.send(allocate, { name: 'web', size: 1, userNamespaceFileDescriptor: 0 }, [namespace.fd]);
  const mounting = (more: object = {}) =>
    client.send(mount, { imageFileDescriptor: 0, userNamespaceFileDescriptor: 1, ...more }, [image, namespace.fd]);

  it.each<[string, () => void, object]>([
    ['AllocateUserRange', allocating, { action: 'io.systemd.namespace-resource.allocate-user-namespace', details: { name: 'web' } }],
    [
      'RegisterUserNamespace',
      () => client.send(register, { name: 'web', userNamespaceFileDescriptor: 0 }, [namespace.fd]),
      { action: 'io.systemd.namespace-resource.register-user-namespace', details: { name: 'web' } },
    ],
    [
      'MountImage',
      () => mounting({ readOnly: true }),
      { action: 'io.systemd.mount-file-system.mount-image-privately', details: { read_only: '1' }, directory: null },
    ],
    [
      'MountImage for the host',
      () => client.send(mount, { imageFileDescriptor: 0 }, [image]),
      { action: 'io.systemd.mount-file-system.mount-image', details: { read_only: '0' } },
    ],
    [
      'MountDirectory',
      () => client.send(mountDirectory, { directoryFileDescriptor: 0, userNamespaceFileDescriptor: 1 }, [directory, namespace.fd]),
      { action: 'io.systemd.mount-file-system.mount-directory-privately', details: { read_only: '0' }, directory: { child: null } },
    ],
    [
      'MakeDirectory',
      () => client.send(makeDirectory, { parentFileDescriptor: 0, name: 'new', allowInteractiveAuthentication: true }, [directory]),
      { action: 'io.systemd.mount-file-system.make-directory', details: {}, directory: { child: 'new' }, interactive: true },
    ],
  ])('is asked about before anything else: %s', async (_name, send, question) => {
    send();
    const payload = await asked();
    expect(payload).toMatchObject({ peer: { uid: 1000 }, ...question });
    expect(sentNames()).toEqual([]);
    await tell(payload, 'no');
    expect(await client.error()).toMatchObject({ error: 'org.varlink.service.PermissionDenied', reason: 'PERMISSION_DENIED' });
    expect(sentNames()).toEqual(['request.cancel']);
  });

  it('sets out with a yes, and with its whole time', async () => {
    allocating();
    const question = await asked();
    clock.advance(30_000);
    await tell(question, 'yes');
    const { payload, descriptors } = gateway.siblings.take('range.allocate');
    closeAll(descriptors);
    expect(payload.deadline).toBe(clock.now() + 45_000);
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web' });
    expect(await client.next()).toMatchObject({ error: null, parameters: { name: 'web' } });
    expect(sentNames()).toEqual([]);
  });

  it.each<[Verdict, string]>([
    ['challenge', 'io.systemd.InteractiveAuthenticationRequired'],
    ['failed', 'io.postern.Gateway.ServiceUnavailable'],
  ])('ends with %s as %s', async (verdict, error) => {
    mounting();
    await tell(await asked(), verdict, 'why');
    expect(await client.error()).toMatchObject({ error });
  });

  it('without polkit is allowed what everybody may have, and nothing for the host', async () => {
    mounting();
    await tell(await asked(), 'absent');
    const { payload, descriptors } = gateway.siblings.take('image.mount');
    expect(payload.consult).toEqual({ interactive: false, untrusted: false });
    expect(descriptors).toHaveLength(3);
    await gateway.siblings.deliver('allocator', 'request.failed', {
      request: payload.request,
      code: 'ROOT_MISSING',
      detail: '',
      parameter: null,
    });
    await client.error();
    client.send(mount, { imageFileDescriptor: 0 }, [image]);
    await tell(await asked(), 'absent');
    expect(await client.error()).toMatchObject({ reason: 'PERMISSION_DENIED' });
  });

  it('that lets a person be asked has longer, and so has what a stage may ask later', async () => {
    mounting({ allowInteractiveAuthentication: true });
    const question = await asked();
    expect(question).toMatchObject({ interactive: true, deadline: clock.now() + 600_000 });
    clock.advance(599_999);
    await tell(question, 'yes');
    const { payload, descriptors } = gateway.siblings.take('image.mount');
    closeAll(descriptors);
    expect(payload).toMatchObject({ consult: { interactive: true, untrusted: false }, deadline: clock.now() + 1_200_000 });
    client.close();
    await until(() => gateway.report().cancelled === 1);
  });

  it('whose answer does not come ends with its time, and polkit is told', async () => {
    allocating();
    const { request } = await asked();
    clock.advance(45_000);
    expect(await client.error()).toMatchObject({ reason: 'TIMED_OUT' });
    expect(gateway.siblings.take('request.cancel').payload).toEqual({ request });
  });

  it('whose client goes is taken back, and a late yes is of no effect', async () => {
    allocating();
    const question = await asked();
    client.close();
    expect((await gateway.siblings.expect('request.cancel')).payload).toEqual({ request: question.request });
    await tell(question, 'yes');
    expect(sentNames()).toEqual([]);
  });

  it('that is with polkit dies with it, and one that has its answer does not', async () => {
    allocating();
    await asked();
    gateway.siblings.peerDown('polkit');
    expect(await client.error()).toMatchObject({ reason: 'SERVICE_DIED' });
    gateway.siblings.peerUp('polkit');
    allocating();
    await tell(await asked(), 'yes');
    const { payload, descriptors } = gateway.siblings.take('range.allocate');
    closeAll(descriptors);
    gateway.siblings.peerDown('polkit');
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web' });
    expect(await client.next()).toMatchObject({ error: null });
  });

  it('is asked about once more by nobody: a second answer changes nothing', async () => {
    allocating();
    const question = await asked();
    await tell(question, 'yes');
    await tell(question, 'no');
    const { payload, descriptors } = gateway.siblings.take('range.allocate');
    closeAll(descriptors);
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web' });
    expect(await client.next()).toMatchObject({ error: null });
  });

  it('with parameters that are refused anyway is not asked about', async () => {
    client.send(allocate, { name: '', size: 1, userNamespaceFileDescriptor: 0 }, [namespace.fd]);
    expect(await client.error()).toMatchObject({ reason: 'NAME_INVALID' });
    expect(sentNames()).toEqual([]);
  });

  it('of root’s is never asked about', async () => {
    const root = gateway.client();
    root.send(allocate, { name: 'web', size: 1, userNamespaceFileDescriptor: 0 }, [namespace.fd]);
    const { payload, descriptors } = await gateway.siblings.expect('range.allocate');
    closeAll(descriptors);
    await gateway.siblings.deliver('allocator', 'range.allocated', { request: payload.request, name: 'web' });
    expect(await root.next()).toMatchObject({ error: null });
  });
});
