/** The server itself: one at a time, ready when it says so, and nothing left when it ends. */
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Descriptor } from '../../mesh/descriptors.ts';
import { native } from '../../native/index.ts';
import { CommandLine, ordinary, watch } from '../support/cli.ts';
import { eventually, isRoot, machineResidue, postern as program, Server } from '../support/serve.ts';

const reason = isRoot ? '' : 'needs root to serve';

describe.skipIf(reason !== '')(`postern serve${reason === '' ? '' : ` (${reason})`}`, () => {
  let folder: string;
  const running = new Set<Server>();
  const start = async (options: { folder?: string; trust?: string; config?: string } = {}) => {
    const server = await Server.start({ folder, ...options });
    running.add(server);
    return server;
  };
  const serve = (...args: string[]) => watch(spawn(program, ['serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })).ended;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'postern-serve-'));
    chmodSync(folder, 0o755);
  });
  afterEach(async () => {
    for (const server of running) await server.stop();
    running.clear();
    rmSync(folder, { recursive: true, force: true });
  });

  it('makes its folders closed, and its socket open to all', async () => {
    const { socket, state } = await start();
    const facts = (path: string) => [statSync(path).mode & 0o777, statSync(path).uid];
    expect(facts(socket)).toEqual([0o666, 0]);
    expect(facts(state)).toEqual([0o700, 0]);
    expect(facts(join(state, 'ranges'))).toEqual([0o700, 0]);
    expect(facts(join(state, 'store'))).toEqual([0o700, 65521]);
  });

  it('says loudly that ranges are never used twice, where no policy is in force', async () => {
    const server = await start();
    using postern = new CommandLine(server.socket);
    const { status, stdout } = await postern.runAsRoot('status', '--json');
    expect(status).toBe(0);
    const { services }: { services: { name: string; state: string; report: { mode?: string } }[] } = JSON.parse(stdout);
    expect(services.map(({ name, state }) => [name, state])).toEqual(
      ['gateway', 'allocator', 'verity', 'mounter', 'lsm', 'network'].map((name) => [name, 'ready']),
    );
    if (services.find(({ name }) => name === 'allocator')?.report.mode !== 'never-twice') return;
    expect(server.log).toContain('NEVER-TWICE MODE');
    expect((await postern.runAsRoot('status')).stdout).toContain('NEVER-TWICE MODE');
  });

  it('leaves no socket, process, mount or loop device when it is stopped', async () => {
    const before = machineResidue();
    const server = await start();
    const services = server.services();
    expect(services).toHaveLength(6);
    expect(await server.stop()).toBe(0);
    expect(existsSync(server.socket)).toBe(false);
    expect(services.filter(({ pid }) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(machineResidue()).toEqual(before);
    expect(readdirSync(folder)).toEqual(['state']);
  });

  it('takes the place of a socket that was left by a killed one', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    expect(await eventually(() => !existsSync(`/proc/${first.pid}`))).toBe(true);
    running.delete(first);
    expect(existsSync(first.socket)).toBe(true);
    const second = await start();
    using postern = new CommandLine(second.socket);
    expect((await postern.run('status')).status).toBe(0);
  });

  it('refuses to be the second on a state folder or a socket', async () => {
    const { socket, state } = await start();
    const other = join(folder, 'other');
    expect(await serve('--socket', `${other}.sock`, '--state', state)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining(`another \`postern serve\` uses the state folder ${state}`),
    });
    expect(existsSync(`${other}.sock`)).toBe(false);
    expect(await serve('--socket', socket, '--state', other)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`there is something at ${socket} already`),
    });
    using postern = new CommandLine(socket);
    expect((await postern.run('status')).status).toBe(0);
  });

  it('never replaces a file that is no socket', async () => {
    const path = join(folder, 'precious');
    writeFileSync(path, 'x');
    expect(await serve('--socket', path, '--state', join(folder, 'state'))).toMatchObject({ status: 1 });
    expect(statSync(path).isFile()).toBe(true);
  });

  it('refuses a state folder that others could change', async () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    const options = ['--socket', join(folder, 's'), '--state', open];
    chmodSync(open, 0o777);
    expect(await serve(...options)).toMatchObject({ status: 77, stderr: expect.stringContaining('others may write in it') });
    chmodSync(open, 0o700);
    chownSync(open, ordinary.uid, ordinary.gid);
    expect(await serve(...options)).toMatchObject({ status: 77, stderr: expect.stringContaining('it belongs to uid 1000') });
  });

  it('must be root', async () => {
    using postern = new CommandLine();
    const { status, stderr } = await postern.run('serve', '--socket', join(folder, 's'), '--state', join(folder, 'state'));
    expect(stderr).toContain('must be started by root');
    expect(status).toBe(77);
  });

  it.each([
    [['--trust', '/nonexistent'], 66, "--trust /nonexistent can't be used"],
    [['--trust', '/etc/passwd'], 66, 'it is not a folder'],
    [['--config', '/nonexistent'], 66, "the configuration /nonexistent can't be read"],
    [['--state', '/a:b'], 2, 'its path holds a colon'],
    [['--frob'], 2, "unknown option '--frob'"],
  ])('%j is refused before anything starts', async (args, status, message) => {
    const place = ['--socket', join(folder, 's'), '--state', join(folder, 'state')];
    expect(await serve(...place, ...args)).toMatchObject({ status, stdout: '', stderr: expect.stringContaining(message) });
    expect(existsSync(join(folder, 's'))).toBe(false);
  });

  it('names an unknown key of its configuration', async () => {
    const config = join(folder, 'p.toml');
    writeFileSync(config, '\n[mounter]\nfrobs = 1\n');
    expect(await serve('--config', config)).toMatchObject({ status: 78, stderr: expect.stringContaining(`${config}:3: mounter.frobs`) });
  });

  it('tells the service manager when it is ready and when it stops', async () => {
    const notices: string[] = [];
    const manager = await datagrams(join(folder, 'notify'), (text) => notices.push(text));
    const child = spawn(program, ['serve', '--socket', join(folder, 's'), '--state', join(folder, 'state')], {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, NOTIFY_SOCKET: join(folder, 'notify') },
    });
    const { ended } = watch(child);
    try {
      expect(await eventually(() => notices.some((text) => text.includes('READY=1')))).toBe(true);
      child.kill('SIGTERM');
      expect((await ended).status).toBe(0);
      expect(await eventually(() => notices.some((text) => text.includes('STOPPING=1')))).toBe(true);
    } finally {
      manager.close();
    }
  });

  it('serves on a socket that the service manager made, and leaves it there', async () => {
    const path = join(folder, 'activated.sock');
    using made = new Descriptor(native.listen(path, 0o666, 16));
    // the shell's pid is the server's: exec keeps it
    const script = 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"';
    const child = spawn('sh', ['-c', script, 'sh', program, 'serve', '--state', join(folder, 'state')], {
      stdio: ['ignore', 'pipe', 'pipe', made.fd],
    });
    const { ended } = watch(child);
    const line = await new Promise<string>((resolve) => child.stdout?.once('data', (data: Buffer) => resolve(data.toString())));
    expect(line).toBe(`${path}\n`);
    using postern = new CommandLine(path);
    expect((await postern.run('status')).status).toBe(0);
    child.kill('SIGTERM');
    expect((await ended).status).toBe(0);
    expect(existsSync(path)).toBe(true);
  });
});

/** A Unix datagram socket, which Node has not: prints what it hears. */
const listener = `
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print("bound", flush=True)
while True: print(heard.recv(4096).decode(), flush=True)
`;

/** What a service manager would hear. */
async function datagrams(path: string, heard: (text: string) => void): Promise<{ close(): void }> {
  const child = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.stdout.on('data', (data: Buffer) => heard(data.toString()));
  return { close: () => child.kill() };
}
