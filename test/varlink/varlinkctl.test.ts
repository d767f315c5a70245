/** systemd's own client, of the versions that Debian has, asks a gateway everything that one may ask it about itself. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { interfaceNames, interfaces } from '../../varlink/method/registry.ts';
import { startTestGateway, type TestGateway } from '../gateway/harness.ts';
import { unpacked } from '../support/debian.ts';
import { root } from '../support/serve.ts';

const loader = 'usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2';
const libraries = ['usr/lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu/systemd', 'lib/x86_64-linux-gnu'];
const declared = join(root, 'varlink/interfaces');
const service = 'org.varlink.service';
const packages = ['systemd', 'libsystemd-shared', 'libc6'];

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the program and its library need, as their packages say; those of 262 load the rest only where it is of use. */
const older = [
  ...['libacl1', 'libblkid1', 'libcap2', 'libcrypt1', 'libmount1', 'libssl3t64', 'libpam0g', 'libseccomp2', 'libselinux1'],
  ...['zlib1g', 'libzstd1', 'libaudit1', 'libpcre2-8-0', 'libcap-ng0'],
];

describe.each([
  ['262', 'sid', packages],
  ['257', 'trixie', [...packages, ...older]],
] as const)('varlinkctl %s', (version, suite, needed) => {
  let gateway: TestGateway;
  let folder: string;
  let system: string | undefined;
  let why = '';

  beforeAll(async () => {
    gateway = await startTestGateway();
    folder = mkdtempSync(join(tmpdir(), 'postern-varlinkctl-'));
    chmodSync(folder, 0o755);
    const found = process.arch === 'x64' ? await unpacked(`varlinkctl-${version}`, suite, needed) : { missing: 'only asked for on x86-64' };
    if ('folder' in found) system = found.folder;
    else why = found.missing;
  }, 600_000);
  afterAll(async () => {
    await gateway.close();
    rmSync(folder, { recursive: true });
  });

  function varlinkctl(...args: readonly string[]): Promise<Ended> {
    const inSystem = (path: string) => join(system ?? '/nonexistent', path);
    const command = ['--library-path', libraries.map(inSystem).join(':'), inSystem('usr/bin/varlinkctl'), ...args];
    return new Promise((resolve) => {
      execFile(inSystem(loader), command, (error, stdout, stderr) => {
        resolve({ status: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
      });
    });
  }
  const call = (method: string, parameters: object, ...flags: string[]) =>
    varlinkctl(...flags, 'call', gateway.path, method, JSON.stringify(parameters));

  /** A test that needs the program. */
  const ask = (what: string, run: () => Promise<void>) =>
    it(what, async (context) => {
      if (system === undefined) context.skip(why);
      await run();
    });

  ask('is what it is said to be', async () => {
    expect((await varlinkctl('--version')).stdout).toContain(`systemd ${version}`);
  });

  ask('is told who serves, for people and for programs', async () => {
    expect((await varlinkctl('info', gateway.path)).stdout).toContain('Product: Postern');
    for (const form of ['short', 'pretty']) {
      const { stdout } = await varlinkctl(`--json=${form}`, 'info', gateway.path);
      expect(JSON.parse(stdout)).toMatchObject({ vendor: 'Postern', interfaces: interfaceNames });
    }
  });

  ask('lists every interface, and every method', async () => {
    expect((await varlinkctl('list-interfaces', gateway.path)).stdout.trim().split('\n')).toEqual(interfaceNames);
    const methods = interfaces.flatMap(({ name, members }) =>
      members.flatMap((member) => (member.kind === 'method' ? [`${name}.${member.name}`] : [])),
    );
    expect((await varlinkctl('list-methods', gateway.path)).stdout.trim().split('\n').sort()).toEqual(methods.sort());
  });

  ask('introspects every interface, and finds what it is told valid', async () => {
    for (const name of interfaceNames) {
      expect(await varlinkctl('introspect', gateway.path, name), name).toMatchObject({ status: 0, stderr: '' });
      const { stdout } = await varlinkctl('--json=short', 'introspect', gateway.path, name);
      const told: unknown = JSON.parse(stdout);
      const text = typeof told === 'object' && told !== null && 'description' in told ? String(told.description) : '';
      writeFileSync(join(folder, name), text);
      expect(await varlinkctl('validate-idl', join(folder, name)), name).toMatchObject({ status: 0 });
    }
  });

  ask('finds every interface file valid', async () => {
    for (const file of readdirSync(declared)) {
      expect(await varlinkctl('validate-idl', join(declared, file)), file).toMatchObject({ status: 0 });
    }
  });

  ask('gets one answer however it asks', async () => {
    const interfaceName = { interface: 'io.systemd' };
    for (const flags of [[], ['--more'], ['--collect'], ['-E'], ['--timeout=20'], ['--json=pretty']]) {
      const { status, stdout } = await call(`${service}.GetInterfaceDescription`, interfaceName, ...flags);
      expect({ flags, status }).toEqual({ flags, status: 0 });
      expect(stdout).toContain('interface io.systemd');
    }
    expect(await call(`${service}.GetInfo`, {}, '--oneway')).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  ask('is told apart what it can’t have', async () => {
    const refusals: readonly (readonly [method: string, parameters: object, error: string])[] = [
      [`${service}.GetInfo`, { surplus: 1 }, `${service}.InvalidParameter`],
      [`${service}.GetInterfaceDescription`, {}, `${service}.InvalidParameter`],
      [`${service}.GetInterfaceDescription`, { interface: 'no.such.Thing' }, `${service}.InterfaceNotFound`],
      [`${service}.Nothing`, {}, `${service}.MethodNotFound`],
      ['no.such.Thing.Nothing', {}, `${service}.MethodNotFound`],
      [
        'io.systemd.UserDatabase.GetUserRecord',
        { service: 'io.systemd.NamespaceResource' },
        'io.systemd.UserDatabase.EnumerationNotSupported',
      ],
    ];
    for (const [method, parameters, error] of refusals) {
      expect((await call(method, parameters)).status, method).toBe(1);
      // this flag makes one error, and no other, a success
      expect((await call(method, parameters, `--graceful=${error}`)).status, error).toBe(0);
      expect((await call(method, parameters, '--graceful=io.systemd.System')).status, error).toBe(1);
    }
  });

  if (version === '262') {
    ask('is refused another protocol by name', async () => {
      expect(await call(`${service}.GetInfo`, {}, '--upgrade')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('io.postern.Gateway.UpgradeNotSupported'),
      });
    });
  }
});
