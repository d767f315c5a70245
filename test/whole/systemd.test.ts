/** `serve --systemd` at the real paths, in a mount namespace with a /run of its own: whoever follows a link is served as at the socket itself. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { places } from '../../bin/serve/links.ts';
import { PosternClient } from '../../client/client.ts';
import { type Ended, watch } from '../support/cli.ts';
import { isRoot, postern, root, run } from '../support/serve.ts';

const reason = isRoot ? '' : 'needs root to serve';
const hasVarlinkctl = (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'varlinkctl')));

describe.skipIf(reason !== '')(`serve --systemd${reason === '' ? '' : ` (${reason})`}`, () => {
  let folder: string;
  let child: ChildProcess;
  let ended: Promise<Ended>;
  let socket: string;
  /** Runs a program where the links are. */
  const inside = (...command: string[]) => run('nsenter', [`--mount=/proc/${child.pid}/ns/mnt`, '--', ...command]);
  /** A second server in the same surroundings, to its end. */
  const second = (...options: string[]) => {
    const [other, state] = [join(folder, 'other.sock'), join(folder, 'other')];
    const args = [postern, 'serve', '--socket', other, '--state', state, ...options];
    return watch(spawn('nsenter', [`--mount=/proc/${child.pid}/ns/mnt`, '--', process.execPath, ...args])).ended;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'postern-systemd-'));
    chmodSync(folder, 0o755);
    socket = join(folder, 'postern.sock');
    const serve = [process.execPath, postern, 'serve', '--socket', socket, '--state', join(folder, 'state'), '--systemd'];
    const script = 'mount -t tmpfs tmpfs /run && exec "$@"';
    child = spawn('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...serve], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    ({ ended } = watch(child));
    const failed = ended.then(({ stderr }) => {
      throw new Error(`it ended before it was ready:\n${stderr}`);
    });
    if (child.stdout === null) throw new Error('it has no output');
    await Promise.race([once(child.stdout, 'data'), failed]);
    failed.catch(() => undefined);
  });
  afterAll(async () => {
    child?.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(places)('answers at %s', async (place) => {
    expect((await inside('readlink', place)).stdout).toBe(`${socket}\n`);
    using client = PosternClient.connect(`/proc/${child.pid}/root${place}`);
    const { services } = await client.status();
    expect(services.map(({ name }) => name)).toContain('allocator');
  });

  it('keeps its places from a second one, which tells why', async () => {
    expect(await second('--systemd')).toMatchObject({ status: 1, stderr: expect.stringContaining(`${places[0]} is taken`) });
    expect(existsSync(join(folder, 'other.sock'))).toBe(false);
    expect((await inside('readlink', places[0])).stdout).toBe(`${socket}\n`);
  });

  it('takes --force for wrong usage where there is nothing to force', async () => {
    expect(await second('--force')).toMatchObject({ status: 2, stderr: expect.stringContaining('postern serve --systemd --force') });
  });

  it.skipIf(!hasVarlinkctl)(
    `varlinkctl talks through the links${hasVarlinkctl ? '' : ' (varlinkctl is not installed: systemd 255 or newer)'}`,
    async () => {
      for (const place of places) {
        const { stdout } = await inside('varlinkctl', 'list-interfaces', place);
        expect(stdout.split('\n')).toContain('io.systemd.NamespaceResource');
      }
      await inside('varlinkctl', 'introspect', places[0], 'io.systemd.NamespaceResource');
    },
  );

  it('leaves no link when it ends', async () => {
    const keeper = spawn('nsenter', [`--mount=/proc/${child.pid}/ns/mnt`, '--', 'sleep', 'infinity'], { stdio: 'ignore' });
    try {
      await once(keeper, 'spawn');
      expect(await namespaceOf(keeper)).toBe(true);
      child.kill('SIGTERM');
      expect((await ended).status).toBe(0);
      const { stdout } = await run('find', [`/proc/${keeper.pid}/root/run/`, '-not', '-type', 'd']);
      expect(stdout).toBe('');
    } finally {
      keeper.kill();
    }
  });

  /** Whether a process has come to where the server is, in the time that takes. */
  async function namespaceOf(process: ChildProcess): Promise<boolean> {
    const at = () => readFileSync(`/proc/${process.pid}/comm`, 'utf8').trim() === 'sleep';
    for (let tries = 0; tries < 1200 && !at(); tries += 1) await new Promise((wake) => setTimeout(wake, 25));
    return at();
  }
});

const analyze = (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, 'systemd-analyze')));
it.skipIf(!analyze)(`the units hold what systemd understands${analyze ? '' : ' (systemd-analyze is not installed)'}`, () => {
  const units = mkdtempSync(join(tmpdir(), 'postern-units-'));
  try {
    execFileSync('cp', [
      '-r',
      `${root}/packaging/postern.service`,
      `${root}/packaging/postern.socket`,
      `${root}/packaging/postern.service.d`,
      units,
    ]);
    // the program need not be installed where the tests run
    execFileSync('sed', [
      '-i',
      's|/usr/lib/postern/bin/postern|/bin/true|',
      join(units, 'postern.service'),
      join(units, 'postern.service.d/systemd.conf'),
    ]);
    const said = spawnSync('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no', join(units, 'postern.service')], {
      encoding: 'utf8',
    });
    expect(said.stderr).toBe('');
    expect(said.status).toBe(0);
  } finally {
    rmSync(units, { recursive: true, force: true });
  }
});
