/** A running Postern and an ordinary user with namespaces that have networks of their own. */
import { chmodSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { CallError, PosternClient } from '../../../client/client.ts';
import { Descriptor } from '../../../mesh/descriptors.ts';
import { Shell } from '../../allocator/support/shell.ts';
import { connectAs } from '../../support/connect-as.ts';
import { type HostLink, noHostLinks } from '../../support/host-links.ts';
import { run, Server } from '../../support/serve.ts';

export const ordinary = 1000;
export const hasTun = existsSync('/dev/net/tun');
export const system = 'io.systemd.System';

/** Sets all of it up around each test of the suite that it is called in; no interface may outlive one. */
export function networkSetting() {
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

  return {
    get server() {
      return server;
    },
    get postern() {
      return postern;
    },
    get asRoot() {
      return asRoot;
    },
    /** Of the tenant that came last, where it was given none. */
    get lastName() {
      return `n${names}`;
    },
    /** The next server in the place of one that was killed. */
    async startAgain() {
      server = await Server.start({ folder });
    },
    /** Has it ended with the test. */
    adopt(shell: Shell) {
      shells.push(shell);
      return shell;
    },
    start,
    tenant,
    networkOf,
    veth,
    tap,
    enter,
    inside,
    innerLink,
    codeOf,
    ownerOf,
  };
}
