/** AddNetworkToUserNamespace by the whole of a running Postern: pairs and taps for an ordinary user's namespaces, on the real kernel. */
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, PosternClient } from '../../client/client.ts';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { Shell } from '../allocator/support/shell.ts';
import { connectAs } from '../support/connect-as.ts';
import { greet, type HostLink, hostLinks, makeLast, noHostLinks } from '../support/host-links.ts';
import { descriptorCount, isRoot, run, Server } from '../support/serve.ts';

const ordinary = 1000;
const hasTun = existsSync('/dev/net/tun');
const invalid = 'org.varlink.service.InvalidParameter';
const system = 'io.systemd.System';
const networkParameter = 'networkNamespaceFileDescriptor';
const method = 'io.systemd.NamespaceResource.AddNetworkToUserNamespace';

describe.skipIf(!isRoot)('a network interface (needs root)', () => {
  let folder: string;
  let server: Server;
  let postern: PosternClient;
  let asRoot: PosternClient;
  const shells: Shell[] = [];
  let names = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-network-'));
    chmodSync(folder, 0o755);
    server = await Server.start({ folder, config: '[allocator]\ninterfaces_per_user = 18\n' });
  });
  beforeEach(() => {
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });
  afterEach(async () => {
    postern.close();
    asRoot.close();
    for (const shell of shells.splice(0)) await shell.end();
    expect(await noHostLinks(), 'interfaces that their namespace left behind').toEqual([]);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startAs(uid: number, ...wrapper: string[]): Promise<Shell> {
    const shell = await Shell.start(uid, ['unshare', ...wrapper]);
    shells.push(shell);
    return shell;
  }
  const start = (...wrapper: string[]) => startAs(ordinary, ...wrapper);

  /** A namespace with a range, and with a network of its own. */
  async function tenant(name = `n${++names}`, { uid = ordinary, by = postern } = {}): Promise<Shell> {
    const shell = await startAs(uid, '--user', '--net');
    using userNamespace = shell.namespace();
    await by.allocate({ name, mangleName: false, userNamespace });
    return shell;
  }

  const networkOf = (pid: number | 'self') => new Descriptor(openSync(`/proc/${pid}/ns/net`, 'r'));

  async function veth(
    shell: Shell,
    name?: string,
    { by = postern, network = shell.pid }: { by?: PosternClient; network?: number | 'self' } = {},
  ) {
    using userNamespace = shell.namespace();
    using networkNamespace = networkOf(network);
    return by.addVeth({ userNamespace, networkNamespace, ...(name === undefined ? {} : { name }) });
  }

  async function tap(shell: Shell, by = postern) {
    using userNamespace = shell.namespace();
    return by.addTap(userNamespace);
  }

  const enter = (shell: Shell) => [
    ...[`--user=/proc/${shell.pid}/ns/user`, `--net=/proc/${shell.pid}/ns/net`],
    ...['--setuid=0', '--setgid=0', '--preserve-credentials'],
  ];
  const inside = (shell: Shell, command: string) => run('nsenter', [...enter(shell), 'sh', '-c', command]);
  async function innerLink(shell: Shell, name: string): Promise<HostLink | undefined> {
    const { stdout } = await inside(shell, `ip -json -details link show dev ${name}`);
    const [link]: HostLink[] = JSON.parse(stdout);
    return link;
  }

  const codeOf = async (attempt: Promise<unknown>) => {
    try {
      await attempt;
      return 'accepted';
    } catch (thrown) {
      if (!(thrown instanceof CallError)) throw thrown;
      return [thrown.error, thrown.reason, ...(thrown.parameter === null ? [] : [thrown.parameter])];
    }
  };

  const ownerOf = (hostName: string) => Number(readFileSync(`/sys/class/net/${hostName}/owner`, 'utf8'));

  describe('of mode veth', () => {
    it('connects the namespace with the host', async () => {
      const shell = await tenant();
      const { hostName, name } = await veth(shell);
      expect([hostName, name]).toEqual([expect.stringMatching(/^ns-[0-9a-f]{12}$/), 'host0']);
      await inside(shell, `ip address add 10.83.1.2/30 dev ${name} && ip link set ${name} up`);
      await run('ip', ['address', 'add', '10.83.1.1/30', 'dev', hostName]);
      await run('ip', ['link', 'set', hostName, 'up']);
      expect(await greet(enter(shell), '10.83.1.1')).toBe('hello');
    });

    it('is down at first, says whose it is, and has its longer name', async () => {
      const shell = await tenant('web');
      const { hostName } = await veth(shell, 'eth7');
      const [link] = await hostLinks();
      expect(link).toMatchObject({ ifname: hostName, altnames: [`ns-${ordinary}-${ordinary}-web-eth7`], linkinfo: { info_kind: 'veth' } });
      expect(link?.flags).not.toContain('UP');
      expect(link?.ifalias).toMatch(/^postern:(id:\d+|ino:\d+\+\d+)$/);
      expect((await innerLink(shell, 'eth7'))?.flags).not.toContain('UP');
    });

    it('has names and addresses that are the same again for a namespace of the same name', async () => {
      const facts = async () => {
        const shell = await tenant('again');
        const { hostName } = await veth(shell);
        const [link] = await hostLinks();
        const peer = await innerLink(shell, 'host0');
        await shell.end();
        expect(await noHostLinks()).toEqual([]);
        return [hostName, link?.address, peer?.address];
      };
      const first = await facts();
      const [, host, peer] = first;
      expect(host).not.toBe(peer);
      // locally administered, and not for many
      for (const address of [host, peer]) expect(address).toMatch(/^.[26ae]:/);
      await expect.poll(facts).toEqual(first);
    });

    it('is gone with its namespace, though somebody took its other end elsewhere', async () => {
      const shell = await tenant();
      await veth(shell, 'moved');
      await run('nsenter', [
        `--net=/proc/${shell.pid}/ns/net`,
        'ip',
        'link',
        'set',
        'moved',
        'netns',
        String(process.pid),
        'name',
        'ns-moved',
      ]);
      expect(await hostLinks()).toHaveLength(2);
      await shell.end();
      expect(await noHostLinks()).toEqual([]);
    });

    it('is found by its longer name where somebody gave it another', async () => {
      const shell = await tenant();
      const { hostName } = await veth(shell, 'moved');
      await run('nsenter', [
        `--net=/proc/${shell.pid}/ns/net`,
        'ip',
        'link',
        'set',
        'moved',
        'netns',
        String(process.pid),
        'name',
        'ns-moved',
      ]);
      await run('ip', ['link', 'set', hostName, 'name', 'ns-renamed']);
      await shell.end();
      expect(await noHostLinks()).toEqual([]);
    });

    it('asked for twice is the same, so that a lost answer can be asked for again', async () => {
      const shell = await tenant();
      const first = await veth(shell, 'a');
      expect(await veth(shell, 'a')).toEqual(first);
      expect(await hostLinks()).toHaveLength(1);
    });

    it('is not taken for another network namespace’s of the same namespace', async () => {
      const shell = await tenant();
      await veth(shell);
      const other = await Shell.inside(shell, ['unshare', '--net']);
      shells.push(other);
      expect(await codeOf(veth(shell, undefined, { network: other.pid }))).toEqual([system, 'INTERFACE_FAILED']);
      expect(await veth(shell, 'b', { network: other.pid })).toMatchObject({ name: 'b' });
    });

    it('can’t have a name that something inside has', async () => {
      const shell = await tenant();
      const refused = veth(shell, 'lo').catch((error: unknown) => error);
      expect(await refused).toMatchObject({ error: system, reason: 'INTERFACE_FAILED', parameters: { errnoName: 'EEXIST' } });
      expect(await hostLinks()).toEqual([]);
    });

    it('there are at most 16 of for one namespace, and a user’s limit over all', async () => {
      // a user of its own: what an earlier test's namespaces had is counted until the server has heard of their end
      const uid = 1002;
      using by = connectAs(uid, server.socket);
      const [shell, other] = [await tenant(undefined, { uid, by }), await tenant(undefined, { uid, by })];
      for (let i = 0; i < 16; i++) await veth(shell, `e${i}`, { by });
      expect(await codeOf(veth(shell, 'e16', { by }))).toEqual([
        'io.systemd.NamespaceResource.TooManyNetworkInterfaces',
        'TOO_MANY_INTERFACES',
      ]);
      expect(await veth(shell, 'e15', { by })).toMatchObject({ name: 'e15' });
      await veth(other, 'a', { by });
      await veth(other, 'b', { by });
      expect(await codeOf(veth(other, 'c', { by }))).toEqual(['io.postern.Gateway.LimitReached', 'LIMIT_REACHED']);
      expect(await veth(other, 'c', { by: asRoot })).toMatchObject({ name: 'c' });
    });
  });

  describe('is refused', () => {
    it('where the network namespace is not of the user namespace: the host’s, a stranger’s, one from before', async () => {
      const [shell, stranger] = [await tenant(), await tenant()];
      const refused = [invalid, 'NETWORK_NOT_OF_NAMESPACE', networkParameter];
      expect(await codeOf(veth(shell, undefined, { network: 'self' }))).toEqual(refused);
      expect(await codeOf(veth(shell, undefined, { network: stranger.pid }))).toEqual(refused);
      expect(await codeOf(veth(shell, undefined, { network: 'self', by: asRoot }))).toEqual(refused);
      const late = await start('--net', '--user');
      using userNamespace = late.namespace();
      await postern.allocate({ name: 'late', userNamespace });
      expect(await hostLinks()).toEqual([]);
    });

    it('for a namespace that holds nothing, or is another’s', async () => {
      const nothing = await start('--user', '--net');
      expect(await codeOf(veth(nothing))).toEqual(['io.systemd.NamespaceResource.UserNamespaceNotRegistered', 'NAMESPACE_NOT_REGISTERED']);
      using other = connectAs(1001, server.socket);
      const shell = await tenant();
      expect(await codeOf(veth(shell, undefined, { by: other }))).toEqual([invalid, 'NAMESPACE_NOT_YOURS', 'userNamespaceFileDescriptor']);
      const rootsOwn = await start('--user', '--net');
      using userNamespace = rootsOwn.namespace();
      await asRoot.allocate({ name: 'roots', userNamespace });
      expect(await codeOf(veth(rootsOwn))).toEqual(['org.varlink.service.PermissionDenied', 'PERMISSION_DENIED']);
    });

    const call = async (
      shell: Shell,
      parameters: { mode: string; networkNamespaceFileDescriptor?: number; namespaceInterfaceName?: string },
    ) => {
      using userNamespace = shell.namespace();
      using network = networkOf(shell.pid);
      return codeOf(postern.connection.call(method, { userNamespaceFileDescriptor: 0, ...parameters }, [userNamespace, network]));
    };

    it('in another mode, or with what does not belong to its mode', async () => {
      const shell = await tenant();
      const parameter = (name: string) => [invalid, 'INVALID_PARAMETER', name];
      expect(await call(shell, { mode: 'bridge', networkNamespaceFileDescriptor: 1 })).toEqual(parameter('mode'));
      expect(await call(shell, { mode: 'veth' })).toEqual(parameter(networkParameter));
      expect(await call(shell, { mode: 'tap', networkNamespaceFileDescriptor: 1 })).toEqual(parameter(networkParameter));
      expect(await call(shell, { mode: 'tap', namespaceInterfaceName: 'a' })).toEqual(parameter('namespaceInterfaceName'));
      expect(await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 0 })).toEqual([
        invalid,
        'DESCRIPTOR_TYPE',
        networkParameter,
      ]);
      expect(await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 2 })).toEqual([
        invalid,
        'DESCRIPTOR_INDEX',
        networkParameter,
      ]);
    });

    it('by a name that the originals use where the interface can’t be called so', async () => {
      const shell = await tenant();
      for (const namespaceInterfaceName of [
        '',
        '.',
        '..',
        'a b',
        'a/b',
        'a:b',
        'eth%d',
        'x'.repeat(16),
        '42',
        'all',
        'default',
        'ü',
        'a\n',
      ]) {
        const answer = await call(shell, { mode: 'veth', networkNamespaceFileDescriptor: 1, namespaceInterfaceName });
        expect(answer, namespaceInterfaceName).toEqual([invalid, 'INTERFACE_NAME', 'interfaceName']);
      }
    });
  });

  describe.skipIf(!hasTun)('of mode tap (needs /dev/net/tun)', () => {
    it('is open, and belongs to the first ID of the range', async () => {
      const shell = await tenant();
      const made = await tap(shell);
      using descriptor = made.tap;
      const base = Number((await shell.ask('cat /proc/self/uid_map')).split(/\s+/)[1]);
      const [link] = await hostLinks();
      expect(link).toMatchObject({
        ifname: made.hostName,
        altnames: [`ns-${ordinary}-${ordinary}-n${names}`],
        linkinfo: { info_kind: 'tun', info_data: { type: 'tap', vnet_hdr: true, pi: false } },
      });
      expect(ownerOf(made.hostName)).toBe(base);
      expect(native.describe(descriptor.fd)).toMatchObject({ type: 'character', access: 'read-write' });
    });

    it('belongs to the user where the namespace was registered, and ends with its descriptor', async () => {
      const shell = await start('--user', '--map-root-user');
      using userNamespace = shell.namespace();
      const parameters = { name: 'vmspawn-1-box', mangleName: true, userNamespaceFileDescriptor: 0 };
      await postern.connection.call('io.systemd.NamespaceResource.RegisterUserNamespace', parameters, [userNamespace]);
      const made = await tap(shell);
      const owner = ownerOf(made.hostName);
      made.tap.close();
      expect(owner).toBe(ordinary);
      expect(await noHostLinks()).toEqual([]);
      (await tap(shell)).tap.close();
    });

    it('does not outlive its namespace, though its owner made it last', async () => {
      const shell = await tenant();
      const { tap: descriptor } = await tap(shell);
      expect(makeLast(descriptor)).toBe(true);
      expect(await hostLinks()).toHaveLength(1);
      await shell.end();
      expect(await noHostLinks()).toEqual([]);
    });

    it('there is one of at a time', async () => {
      const shell = await tenant();
      using _first = (await tap(shell)).tap;
      const refused = tap(shell).catch((error: unknown) => error);
      expect(await refused).toMatchObject({ error: system, reason: 'INTERFACE_FAILED', parameters: { errnoName: 'EBUSY' } });
    });
  });

  it('leaves no descriptor in any process', async () => {
    const count = () => server.services().map(({ name, pid }) => [name, descriptorCount(pid)]);
    const shell = await tenant();
    await veth(shell);
    const before = count();
    for (let i = 0; i < 10; i++) {
      await veth(shell);
      await codeOf(veth(shell, 'lo'));
      await codeOf(veth(shell, undefined, { network: 'self' }));
      if (hasTun) (await tap(shell)).tap.close();
    }
    await expect.poll(count).toEqual(before);
  });

  describe('when a process is killed', () => {
    const kill = async (name: string) => {
      const pid = server.services().find((service) => service.name === name)?.pid;
      if (pid === undefined) throw new Error(`${name} does not run`);
      process.kill(pid, 'SIGKILL');
      const isBack = () => server.services().some((service) => service.name === name && service.pid !== pid);
      await expect.poll(isBack).toBe(true);
    };

    for (const name of ['network', 'allocator', 'gateway']) {
      it(`${name}: the interface stays, and goes with its namespace all the same`, async () => {
        const shell = await tenant();
        const made = await veth(shell);
        await kill(name);
        using again = connectAs(ordinary, server.socket);
        expect(await hostLinks()).toHaveLength(1);
        expect(await veth(shell, undefined, { by: again })).toEqual(made);
      });
    }

    it.skipIf(!hasTun)('network, while namespaces end: what they had is removed by its next life', async () => {
      const tenants = [await tenant(), await tenant(), await tenant()];
      for (const shell of tenants) expect(makeLast((await tap(shell)).tap)).toBe(true);
      expect(await hostLinks()).toHaveLength(3);
      const killed = kill('network');
      for (const shell of tenants) await shell.end();
      await killed;
      expect(await noHostLinks()).toEqual([]);
    });

    it.skipIf(!hasTun)('all of them, and the namespace ends meanwhile: the next start removes it', async () => {
      const shell = await tenant();
      expect(makeLast((await tap(shell)).tap)).toBe(true);
      const services = server.services().map(({ pid }) => pid);
      for (const pid of [server.pid, ...services]) process.kill(pid, 'SIGKILL');
      await expect.poll(() => existsSync(`/proc/${server.pid}`)).toBe(false);
      await shell.end();
      expect(await hostLinks()).toHaveLength(1);
      server = await Server.start({ folder });
      expect(await noHostLinks()).toEqual([]);
    });
  });
});
