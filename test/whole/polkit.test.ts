/** Who may, by a real polkitd on a real bus: an administrator's rules, what goes along with a question, and what becomes of calls when either is gone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, constants, copyFileSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CallError, PosternClient } from '../../client/client.ts';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { openFlags } from '../../native/constants.ts';
import { type Client, startClient } from '../mounter/namespace.ts';
import { makeSigner } from '../support/cli.ts';
import { connectAs } from '../support/connect-as.ts';
import { noPolkit, PolkitGround } from '../support/polkit.ts';
import { eventually, postern as program, run, Server } from '../support/serve.ts';

const ordinary = 1000;

/** Each rule is about one thing that our questions carry. */
const rules = (folder: string) => `
polkit.addRule(function(action, subject) {
  var yes = polkit.Result.YES, no = polkit.Result.NO;
  var mount = 'io.systemd.mount-file-system.', range = 'io.systemd.namespace-resource.';
  // systemd's policy has each of these two imply the other
  if (action.id.indexOf(range) == 0 && /forbidden/.test(action.lookup('name'))) return no;
  if (action.id == mount + 'mount-directory-privately' && action.lookup('read_only') == '1') return no;
  if (action.id == mount + 'mount-untrusted-directory-privately' && action.lookup('directory') == '${folder}/lent') return yes;
  if (action.id == mount + 'make-directory-untrusted' && action.lookup('directory') == '${folder}/lent/new') return yes;
  if (action.id == mount + 'mount-directory' && action.lookup('directory') == '${folder}/for-host') return yes;
  if (action.id == mount + 'mount-untrusted-image-privately' && action.lookup('mount_options') == 'root:nosuid') return yes;
});
`;

describe.skipIf(noPolkit !== undefined)(`polkit${noPolkit === undefined ? '' : ` (${noPolkit})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-polkit-whole-'));
  let ground: PolkitGround;
  let server: Server;
  let postern: PosternClient;
  let asRoot: PosternClient;
  let client: Client;
  let names = 0;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    await makeImages(folder);
    for (const [name, owner] of [
      ['own', ordinary],
      ['theirs', 2000],
      ['lent', 2000],
      ['for-host', ordinary],
    ] as const) {
      mkdirSync(join(folder, name));
      chownSync(join(folder, name), owner, owner);
    }
    ground = await PolkitGround.start(rules(folder));
    await ground.startBus();
    await ground.startPolkit();
    server = await Server.start({ folder, trust: join(folder, 'trust'), config: '[polkit]\nask = true\n', within: ground.within });
    postern = connectAs(ordinary, server.socket);
    asRoot = PosternClient.connect(server.socket);
  });
  afterAll(async () => {
    postern?.close();
    asRoot?.close();
    await server?.stop();
    await ground?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    client = await startClient();
  });
  afterEach(() => client[Symbol.asyncDispose]());

  const allocate = (name: string, by = postern) => by.allocate({ name: `${name}${++names}`, userNamespace: client.namespace });
  const mount = async (name: string, options: object = {}, by = postern) => {
    using directory = new Descriptor(openSync(join(folder, name), constants.O_DIRECTORY | openFlags.O_PATH));
    using mounted = await by.mountDirectory({ directory, userNamespace: client.namespace, ...options });
    return mounted.fd >= 0;
  };
  const make = async (parentName: string, name: string) => {
    using parent = new Descriptor(openSync(join(folder, parentName), constants.O_DIRECTORY));
    using made = await postern.makeDirectory({ parent, name });
    return made.fd >= 0;
  };
  const mountImage = async (name: string, options: object = {}) => {
    using image = new Descriptor(openSync(join(folder, `${name}.raw`), constants.O_RDONLY));
    const { partitions } = await postern.mountImage({ image, userNamespace: client.namespace, readOnly: true, ...options });
    closeAll(partitions.map((partition) => partition.mount));
    return partitions.length > 0;
  };
  /** How a call failed. */
  const failure = (call: Promise<unknown>) =>
    call.then(
      () => 'none',
      (thrown) => (thrown instanceof CallError ? `${thrown.error} ${thrown.reason}` : thrown),
    );
  const denied = 'org.varlink.service.PermissionDenied PERMISSION_DENIED';
  const challenged = 'io.systemd.InteractiveAuthenticationRequired INTERACTION_REQUIRED';
  const unreachable = 'io.postern.Gateway.ServiceUnavailable AUTHORITY_FAILED';

  it('lets everybody have what its defaults give everybody', async () => {
    await allocate('web');
    await client.do('become');
    expect(await mount('own')).toBe(true);
    expect(await make('own', 'new')).toBe(true);
    expect(await mountImage('hello')).toBe(true);
  });

  it('refuses what a rule refuses, by the name that goes along, and never root', async () => {
    expect(await failure(allocate('forbidden'))).toBe(denied);
    await allocate('forbidden', asRoot);
  });

  it('hears whether a mount is to be read-only', async () => {
    await allocate('web');
    await client.do('become');
    expect(await failure(mount('own', { readOnly: true }))).toBe(denied);
  });

  it('lets somebody have a mount of another’s directory, which a rule knows by its path', async () => {
    await allocate('web');
    await client.do('become');
    expect(await mount('lent')).toBe(true);
    expect(await failure(mount('theirs'))).toBe(challenged);
  });

  it('lets somebody make a directory in another’s, which a rule knows by its path', async () => {
    expect(await make('lent', 'new')).toBe(true);
    expect(await failure(make('lent', 'other'))).toBe(challenged);
  });

  it('lets somebody have a mount for the host, which without it is root’s alone', async () => {
    expect(await mount('for-host', { userNamespace: undefined })).toBe(true);
    expect(await failure(mount('own', { userNamespace: undefined }))).toBe(challenged);
  });

  it('is asked about an image that nobody vouches for, and hears mount options', async () => {
    await allocate('web');
    await client.do('become');
    expect(await failure(mountImage('other'))).toBe(challenged);
    expect(await failure(mountImage('hello', { mountOptions: { root: 'noexec' } }))).toBe(challenged);
    expect(await mountImage('hello', { mountOptions: { root: 'nosuid' } })).toBe(true);
  });

  it('asks a person where the call lets it, and takes that back when the caller goes', async () => {
    const terminal = new Terminal(ground, 'script', '-qefc', `pkttyagent --process ${process.pid}`, '/dev/null');
    const monitor = new Terminal(ground, 'dbus-monitor', '--system', "member='CancelAuthentication'");
    try {
      using directory = new Descriptor(openSync(join(folder, 'own'), constants.O_DIRECTORY | openFlags.O_PATH));
      const ask = async (by: PosternClient) => failure(by.mountDirectory({ directory, allowInteractiveAuthentication: true }));
      // there is nobody to ask before the agent has told polkit that it is there
      const isAsked = () => terminal.said.includes('AUTHENTICATING FOR io.systemd.mount-file-system.mount-directory');
      while (!isAsked()) {
        const impatient = connectAs(ordinary, server.socket);
        const call = ask(impatient);
        const outcome = await Promise.race([call, eventually(isAsked)]);
        impatient.close();
        await call;
        expect([true, challenged]).toContain(outcome);
      }
      expect(terminal.said).toContain(join(folder, 'own'));
      expect(await eventually(() => monitor.said.includes('member=CancelAuthentication'))).toBe(true);
    } finally {
      await terminal.end();
      await monitor.end();
    }
  });

  it('that does not answer makes calls fail within their time, and answers again', async () => {
    const own = mkdtempSync(join(folder, 'impatient-'));
    chmodSync(own, 0o755);
    const impatient = await Server.start({ folder: own, config: '[polkit]\nask = true\npatience = 200\n', within: ground.within });
    const caller = connectAs(ordinary, impatient.socket);
    try {
      ground.frozen = true;
      expect(await failure(allocate('web', caller))).toBe(unreachable);
    } finally {
      ground.frozen = false;
      caller.close();
      await impatient.stop();
    }
    await allocate('web');
  });

  it('that is not there has no say: what needs an administrator is refused, the rest is everybody’s', async () => {
    await ground.endPolkit();
    await allocate('forbidden');
    await client.do('become');
    expect(await failure(mount('theirs'))).toBe('org.varlink.service.PermissionDenied DIRECTORY_NOT_YOURS');
    expect(await failure(mount('own', { userNamespace: undefined }))).toBe(denied);
    await ground.startPolkit();
    expect(await failure(make('theirs', 'new'))).toBe(challenged);
  });

  it('is found again on a bus that was started again', async () => {
    await ground.endPolkit();
    await ground.endBus();
    expect(await failure(make('lent', 'other'))).toBe('org.varlink.service.PermissionDenied DIRECTORY_NOT_YOURS');
    await ground.startBus();
    await ground.startPolkit();
    expect(await failure(allocate('forbidden'))).toBe(denied);
  });

  it('is asked by a process that is root’s without a capability, and sees little', async () => {
    const pid = server.services().find(({ name }) => name === 'polkit')?.pid;
    const { stdout } = await run('grep', ['-E', '^(Uid|Cap...|Seccomp|NoNewPrivs):', `/proc/${pid}/status`]);
    expect(stdout.replaceAll(/\s+/g, ' ').trim()).toBe(
      `Uid: 0 0 0 0 ${['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((set) => `Cap${set}: 0000000000000000`).join(' ')} NoNewPrivs: 1 Seccomp: 2`,
    );
    const { stdout: seen } = await run('ls', [`/proc/${pid}/root/run`]);
    expect(seen).toBe('dbus\n');
  });
});

/** Two images, `hello` by a signer who is trusted and `other` by one who is not. */
async function makeImages(folder: string): Promise<void> {
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'usr'), { recursive: true });
  writeFileSync(join(tree, 'usr/greeting'), 'hello');
  mkdirSync(join(folder, 'trust'));
  for (const name of ['hello', 'other']) {
    const { key, certificate } = makeSigner(folder, name);
    await run(process.execPath, [program, 'build', tree, join(folder, `${name}.raw`), '--key', key, '--cert', certificate]);
    chmodSync(join(folder, `${name}.raw`), 0o644);
    if (name === 'hello') copyFileSync(certificate, join(folder, 'trust/hello.crt'));
  }
}

/** A program there, and what it has said: an agent at a terminal, where nobody types the password, or an ear on the bus. */
class Terminal {
  said = '';
  readonly #child: ChildProcess;

  constructor(ground: PolkitGround, ...command: string[]) {
    const [first = '', ...rest] = [...ground.within, ...command];
    this.#child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.said += bytes.toString();
    });
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
