/** An unprivileged user runs a program from a signed disk image: what the README promises, line by line, on images of another tool. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CommandLine } from '../support/cli.ts';
import { hasSharedData, isRoot, machineResidue, Server, workshop } from '../support/serve.ts';

const reason = !isRoot ? 'needs root to serve' : !hasSharedData ? 'needs ../shared/data' : '';
/** Where ranges come from. */
const pool = { first: 524288, last: 1879048191 };

describe.skipIf(reason !== '')(`an ordinary user and a signed image${reason === '' ? '' : ` (${reason})`}`, () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let postern: CommandLine;
  let hello: string;
  const inHello = (...command: string[]) => postern.run('run', '--image', hello, '--', ...command);

  beforeAll(async () => {
    shop = workshop();
    hello = shop.image('hello.raw');
    server = await Server.start({ folder: shop.folder, trust: shop.trust });
    postern = new CommandLine(server.socket);
  });
  afterAll(async () => {
    await server?.stop();
    postern?.[Symbol.dispose]();
    shop?.[Symbol.dispose]();
  });

  it('prints the greeting', async () => {
    expect(await inHello('cat', '/usr/share/hello/greeting')).toEqual({
      status: 0,
      stdout: 'Hello from a signed disk image.\n',
      stderr: '',
    });
  });

  it('is root inside', async () => {
    expect((await inHello('id', '-u')).stdout).toBe('0\n');
    expect((await inHello('id')).stdout).toBe('uid=0(root) gid=0(root)\n');
  });

  it('has one range of 65536 IDs from the pool', async () => {
    const { stdout } = await inHello('cat', '/proc/self/uid_map', '/proc/self/gid_map');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/\s+/).map(Number));
    expect(lines).toHaveLength(2);
    for (const [inside, outside = 0, length] of lines) {
      expect([inside, length]).toEqual([0, 65536]);
      expect(outside).toBeGreaterThanOrEqual(pool.first);
      expect(outside + 65535).toBeLessThanOrEqual(pool.last);
      expect(outside % 65536).toBe(0);
    }
    expect(lines[0]).toEqual(lines[1]);
  });

  it('gets another range each time', async () => {
    const maps = await Promise.all([1, 2, 3, 4].map(async () => (await inHello('cat', '/proc/self/uid_map')).stdout));
    expect(new Set(maps).size).toBe(4);
  });

  it('finds files with the owners that the image says', async () => {
    expect((await inHello('stat', '-c', '%u', '/home/alice/note')).stdout).toBe('1000\n');
  });

  it('is refused an image of another signer, with the reason', async () => {
    const { status, stdout, stderr } = await postern.run('run', '--image', shop.image('hello-other-signer.raw'), '--', 'true');
    expect(status).toBe(77);
    expect(stdout).toBe('');
    expect(stderr).toContain('was refused (SIGNER_UNKNOWN)');
    expect(stderr).toContain('no trusted certificate made the signature');
    expect(stderr).toMatch(/next {2}put the signer's certificate into/);
  });

  it('puts a second image where it is told', async () => {
    const { stdout, status } = await postern.run(
      ...['run', '--image', hello, '--image', `${hello}:/var`, '--image', `${hello}:/run/a/b`],
      ...['--', 'cat', '/var/usr/share/hello/greeting', '/run/a/b/usr/share/hello/greeting'],
    );
    expect(stdout).toBe('Hello from a signed disk image.\n'.repeat(2));
    expect(status).toBe(0);
  });

  it('gives ranges on to a container inside', async () => {
    const nested = ['run', '--image', hello, '--', 'cat', '/usr/share/hello/greeting'];
    const { stdout, stderr } = await postern.run('allocate', '--delegate', '1', '--', postern.program, ...nested);
    expect(stderr).toBe('');
    expect(stdout).toBe('Hello from a signed disk image.\n');
  });

  it('is told that there are no ranges to give on', async () => {
    const { status, stderr } = await postern.run('allocate', '--', postern.program, 'run', '--image', hello, '--', 'true');
    expect(stderr).toContain('RANGE_NOT_DELEGATED');
    expect(status).toBe(1);
  });

  it('leaves no mount and no loop device behind', async () => {
    const before = machineResidue();
    await inHello('true');
    expect(machineResidue()).toEqual(before);
  });
});
