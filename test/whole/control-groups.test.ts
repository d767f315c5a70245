/** AddControlGroupToUserNamespace by the whole of a running Postern: who may give which, what its new owner can do, and what its end leaves. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, PosternClient } from '../../client/client.ts';
import { openFlags } from '../../native/constants.ts';
import { maxControlGroups } from '../../services/allocator/control-groups.ts';
import { Shell } from '../allocator/support/shell.ts';
import { connectAs } from '../support/connect-as.ts';
import { ControlGroupGround, whyNoControlGroups } from '../support/control-groups.ts';
import { descriptorsOf, eventually, grownSince, Server } from '../support/serve.ts';

const ordinary = 1000;

describe.skipIf(whyNoControlGroups !== null)(`a control group${whyNoControlGroups === null ? '' : ` (${whyNoControlGroups})`}`, () => {
  const ground = new ControlGroupGround();
  let folder: string;
  let server: Server;
  let postern: PosternClient;
  let asRoot: PosternClient;
  let shell: Shell;
  let base: number;
  let names = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-groups-'));
    chmodSync(folder, 0o755);
    server = await Server.start({ folder });
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });
  afterAll(async () => {
    postern?.close();
    asRoot?.close();
    await server?.stop();
    ground.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    shell = await allocated();
    base = baseOf(shell);
  });
  afterEach(() => shell.end());

  async function allocated(): Promise<Shell> {
    const fresh = await Shell.start(ordinary);
    using userNamespace = fresh.namespace();
    await postern.allocate({ name: `cg${++names}`, userNamespace });
    return fresh;
  }
  function baseOf(of: Shell): number {
    return Number(/^\s*0\s+(\d+)/.exec(readFileSync(`/proc/${of.pid}/uid_map`, 'utf8'))?.[1]);
  }
  const owners = (path: string) => [statSync(path).uid, statSync(path).gid];

  interface Attempt {
    readonly by?: PosternClient;
    readonly to?: Shell;
    readonly flags?: number;
  }
  async function give(path: string, { by = postern, to = shell, flags = constants.O_RDONLY | constants.O_DIRECTORY }: Attempt = {}) {
    using userNamespace = to.namespace();
    const controlGroup = openSync(path, flags);
    try {
      await by.addControlGroup({ userNamespace, controlGroup });
      return 'given';
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown;
      return [thrown.error.split('.').at(-1), thrown.reason];
    } finally {
      closeSync(controlGroup);
    }
  }

  it('of the caller goes to the range, which can make others in it, and pass them on within itself', async () => {
    const group = ground.make(ordinary);
    expect(await give(group)).toBe('given');
    expect(owners(group)).toEqual([base, base]);
    for (const name of ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads'])
      expect(owners(join(group, name))).toEqual([base, base]);
    const root = await Shell.inside(shell);
    expect(await root.ask(`mkdir ${group}/below && chown 5:6 ${group}/below/cgroup.procs && echo made`)).toBe('made');
    expect(owners(join(group, 'below'))).toEqual([base, base]);
    expect(owners(join(group, 'below/cgroup.procs'))).toEqual([base + 5, base + 6]);
    await root.end();
  });

  it('is gone when its namespace ends, with all below it', async () => {
    const group = ground.make(ordinary);
    expect(await give(group)).toBe('given');
    const root = await Shell.inside(shell);
    expect(await root.ask(`mkdir -p ${group}/a/b ${group}/c && chmod 0 ${group}/a ${group}/c && echo made`)).toBe('made');
    await root.end();
    await shell.end();
    expect(await eventually(() => !existsSync(group))).toBe(true);
  });

  it('that a process of the host is in becomes root’s when its namespace ends', async () => {
    const group = ground.make(ordinary);
    expect(await give(group)).toBe('given');
    const root = await Shell.inside(shell);
    await root.ask(`mkdir -p ${group}/used/within ${group}/free`);
    await root.end();
    using _ = ground.processIn(join(group, 'used'));
    await shell.end();
    expect(await eventually(() => owners(group)[0] === 0 && !existsSync(join(group, 'free')))).toBe(true);
    const left = readdirSync(group, { recursive: true, encoding: 'utf8' });
    expect(left).not.toContain('used/within');
    expect(left.filter((name) => owners(join(group, name)).some((id) => id !== 0))).toEqual([]);
    expect(await eventually(() => server.log.includes('still in use'))).toBe(true);
  });

  it('is taken back though every process of Postern is killed before its namespace ends', async () => {
    const group = ground.make(ordinary);
    expect(await give(group)).toBe('given');
    for (const { pid } of server.services()) process.kill(pid, 'SIGKILL');
    await shell.end();
    expect(await eventually(() => !existsSync(group))).toBe(true);
    await postern.status().catch(() => undefined);
    postern.close();
    asRoot.close();
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });

  it('can be given once, to one namespace', async () => {
    const group = ground.make(ordinary);
    expect(await give(group)).toBe('given');
    const again = ['ControlGroupAlreadyAdded', 'CONTROL_GROUP_ADDED'];
    expect(await give(group)).toEqual(again);
    const other = await allocated();
    expect(await give(group, { to: other })).toEqual(again);
    expect(await give(group, { to: other, by: asRoot })).toEqual(again);
    await other.end();
    expect(owners(group)).toEqual([base, base]);
  });

  it(`is one of at most ${maxControlGroups}`, async () => {
    for (let i = 0; i < maxControlGroups; i++) expect(await give(ground.make(ordinary))).toBe('given');
    const last = ground.make(ordinary);
    expect(await give(last)).toEqual(['TooManyControlGroups', 'CONTROL_GROUPS_TOO_MANY']);
    expect(owners(last)).toEqual([ordinary, ordinary]);
  });

  it('of another user is root’s to give, and nobody else’s', async () => {
    const group = ground.make(1001);
    expect(await give(group)).toEqual(['PermissionDenied', 'CONTROL_GROUP_NOT_YOURS']);
    expect(owners(group)).toEqual([1001, 1001]);
    expect(await give(group, { by: asRoot })).toBe('given');
    expect(owners(group)).toEqual([base, base]);
  });

  it('that is the root of all can not be given, by root neither', async () => {
    expect(await give(ground.mount)).toEqual(['PermissionDenied', 'CONTROL_GROUP_NOT_YOURS']);
    expect(await give(ground.mount, { by: asRoot })).toEqual(['InvalidParameter', 'CONTROL_GROUP_ROOT']);
    expect(owners(ground.mount)).toEqual([0, 0]);
  });

  it('is a directory of cgroup2, opened with nothing special', async () => {
    const group = ground.make(ordinary);
    expect(await give(folder)).toEqual(['InvalidParameter', 'DESCRIPTOR_TYPE']);
    expect(await give(join(group, 'cgroup.procs'), { flags: constants.O_RDONLY })).toEqual(['InvalidParameter', 'DESCRIPTOR_TYPE']);
    for (const flag of [openFlags.O_PATH, constants.O_NONBLOCK, constants.O_NOATIME]) {
      expect(await give(group, { flags: constants.O_DIRECTORY | flag })).toEqual(['InvalidParameter', 'DESCRIPTOR_FLAGS']);
    }
    expect(owners(group)).toEqual([ordinary, ordinary]);
  });

  it('that is gone can not be given', async () => {
    using userNamespace = shell.namespace();
    const group = ground.make(ordinary);
    const controlGroup = openSync(group, 'r');
    ground.removeNow(group);
    await expect(postern.addControlGroup({ userNamespace, controlGroup })).rejects.toMatchObject({ reason: 'CONTROL_GROUP_FAILED' });
    closeSync(controlGroup);
  });

  it('goes to nobody but the owner of a namespace that has a range here', async () => {
    const group = ground.make(ordinary);
    const unknown = await Shell.start(ordinary);
    expect(await give(group, { to: unknown })).toEqual(['UserNamespaceNotRegistered', 'NAMESPACE_NOT_REGISTERED']);
    using own = unknown.namespace();
    await postern.allocate({ name: `cg${++names}`, userNamespace: own, type: 'self', size: 1 });
    expect(await give(group, { to: unknown })).toEqual(['UserNamespaceWithoutUserRange', 'NAMESPACE_WITHOUT_RANGE']);
    await unknown.end();
    const stranger = connectAs(1001, server.socket);
    expect(await give(ground.make(1001), { by: stranger })).toEqual(['InvalidParameter', 'NAMESPACE_NOT_YOURS']);
    stranger.close();
  });

  it('of a range goes on to one nested in it, and ends with that', async () => {
    const outer = await Shell.start(ordinary);
    using userNamespace = outer.namespace();
    await postern.allocate({ name: `cg${++names}`, userNamespace, delegateContainerRanges: 2 });
    const outerBase = baseOf(outer);
    const group = ground.make(ordinary);
    expect(await give(group, { to: outer })).toBe('given');
    const root = await Shell.inside(outer);
    await root.ask(`mkdir ${group}/nested`);
    const nested = await Shell.inside(outer, ['unshare', '--user']);
    const byOuter = connectAs(outerBase, server.socket);
    using nestedNamespace = nested.namespace();
    await byOuter.allocate({ name: `cg${++names}`, userNamespace: nestedNamespace });
    expect(await give(join(group, 'nested'), { by: byOuter, to: nested })).toBe('given');
    expect(owners(join(group, 'nested'))[0]).toBe(baseOf(nested));
    byOuter.close();
    nestedNamespace.close();
    await nested.end();
    expect(await eventually(() => !existsSync(join(group, 'nested')))).toBe(true);
    expect(owners(group)[0]).toBe(outerBase);
    await root.end();
    userNamespace.close();
    await outer.end();
    expect(await eventually(() => !existsSync(group))).toBe(true);
  });

  it('that was given and taken back leaves no descriptor in any process', async () => {
    await give(ground.make(ordinary));
    const before = descriptorsOf(server);
    for (let i = 0; i < 5; i++) {
      const fresh = await allocated();
      const group = ground.make(ordinary);
      mkdirSync(join(group, 'below'));
      chownSync(join(group, 'below'), ordinary, ordinary);
      expect(await give(group, { to: fresh })).toBe('given');
      await fresh.end();
      expect(await eventually(() => !existsSync(group))).toBe(true);
    }
    await expect.poll(() => grownSince(before, server)).toEqual([]);
  });
});
