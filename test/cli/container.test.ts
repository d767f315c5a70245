/** What a program finds inside, what it does not find, and how its end is told. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atTerminal, CommandLine, makeSigner, ordinary } from '../support/cli.ts';
import { eventually, hasSharedData, isRoot, Server, workshop } from '../support/serve.ts';

const reason = !isRoot ? 'needs root to serve' : !hasSharedData ? 'needs ../shared/data' : '';

/** Types a character into the terminal that standard input is, as nobody inside should be able to. */
const typing = `#include <stdio.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
int main(void) { char c = 'x'; puts(ioctl(0, TIOCSTI, &c) == 0 ? "typed" : strerror(errno)); return 0; }
`;

describe.skipIf(reason !== '')(`inside a container${reason === '' ? '' : ` (${reason})`}`, () => {
  let shop: ReturnType<typeof workshop>;
  let server: Server;
  let postern: CommandLine;
  let signer: ReturnType<typeof makeSigner>;
  const inHello = (...command: string[]) => postern.run('run', '--image', shop.image('hello.raw'), '--', ...command);
  const shell = (script: string) => inHello('sh', '-c', script);

  beforeAll(async () => {
    shop = workshop();
    signer = makeSigner(shop.folder, 'signer');
    copyFileSync(signer.certificate, join(shop.trust, 'signer.crt'));
    server = await Server.start({ folder: shop.folder, trust: shop.trust });
    postern = new CommandLine(server.socket);
  });
  afterAll(async () => {
    await server?.stop();
    postern?.[Symbol.dispose]();
    shop?.[Symbol.dispose]();
  });

  /** An image made of a folder, by a signer who is trusted. */
  async function signedImage(name: string, tree: string): Promise<string> {
    const image = join(shop.folder, `${name}.raw`);
    expect(await postern.runAsRoot('build', tree, image, '--key', signer.key, '--cert', signer.certificate)).toMatchObject({ status: 0 });
    return image;
  }

  describe('the end of the command', () => {
    it.each([0, 1, 7, 69, 255])('status %i is passed on', async (status) => {
      expect(await shell(`exit ${status}`)).toEqual({ status, stdout: '', stderr: '' });
    });

    it('a signal is told as 128 and its number', async () => {
      expect((await shell('kill -9 $$')).status).toBe(137);
      expect((await shell('kill -SEGV $$')).status).toBe(139);
    });

    it('a command that is not there is 127, one that can’t be run 126', async () => {
      expect(await inHello('nope')).toMatchObject({ status: 127, stderr: "postern: nope can't be run: No such file or directory\n" });
      expect(await inHello('/etc/passwd')).toMatchObject({ status: 126 });
    });

    it('a signal to postern goes to the command', async () => {
      const { child, ended } = postern.start([
        ...['run', '--image', shop.image('hello.raw'), '--'],
        ...['sh', '-c', 'trap "echo heard; exit 9" TERM; echo ready; sleep 60 & wait'],
      ]);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      child.kill('SIGTERM');
      expect(await ended).toMatchObject({ status: 9, stdout: 'ready\nheard\n' });
    });

    it('nothing outlives a postern that was killed', async () => {
      const { child, ended } = postern.start(['run', '--image', shop.image('hello.raw'), '--', 'sh', '-c', 'echo $$; sleep 61']);
      await new Promise((resolve) => child.stdout?.once('data', resolve));
      const pid = child.pid ?? 0;
      const [init = ''] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
      expect(readFileSync(`/proc/${init}/cmdline`, 'utf8')).toContain('postern-init');
      child.kill('SIGKILL');
      await ended;
      expect(await eventually(() => !exists(init))).toBe(true);
    });

    it('what is left in the background ends with the command', async () => {
      expect(await shell('sleep 62 & exit 3')).toMatchObject({ status: 3 });
    });
  });

  describe('what is there', () => {
    it('a new /proc, /dev, /tmp and /run', async () => {
      const { stdout } = await shell(
        'echo /proc/[0-9]*; ls /dev; touch /tmp/a /run/b && ls /tmp /run; echo lost > /dev/null; head -c 3 /dev/zero | wc -c',
      );
      const devices = 'fd full null ptmx pts random shm stderr stdin stdout tty urandom zero';
      const [processes = '', ...rest] = stdout.split('\n');
      expect(processes.split(' ').slice(0, 2)).toEqual(['/proc/1', '/proc/2']);
      expect(rest.join(' ').replace(/\s+/g, ' ').trim()).toBe(`${devices} /run: b /tmp: a 3`);
    });

    it('a pid 1 that is nothing but itself, and reaps', async () => {
      const { stdout } = await shell('tr "\\0" " " < /proc/1/cmdline; (sleep 0.1 &); sleep 0.5; cat /proc/[0-9]*/stat | grep -c ") Z"');
      expect(stdout).toMatch(/^postern-init +0$/m);
    });

    it('a clean environment, and what --env names', async () => {
      const { ended } = postern.start(
        ['run', '--image', shop.image('hello.raw'), '--env', 'A=b c', '--env', 'MINE', '--', 'env'],
        ordinary,
        { SECRET: 's', MINE: 'm', TERM: 'vt100' },
      );
      const { stdout } = await ended;
      const plain = stdout.split('\n').filter((line) => line !== '');
      expect(new Set(plain)).toEqual(
        new Set([
          ...['A=b c', 'MINE=m', 'TERM=vt100', 'HOME=/root', 'USER=root', 'LOGNAME=root', 'LANG=C.UTF-8', 'container=postern'],
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        ]),
      );
    });

    it('no descriptor but the standard ones', async () => {
      expect((await shell('echo /proc/self/fd/*')).stdout).toMatch(
        /^\/proc\/self\/fd\/0 \/proc\/self\/fd\/1 \/proc\/self\/fd\/2( \/proc\/self\/fd\/3)?\n$/,
      );
    });

    it('the image’s name as the host name, or what --hostname says', async () => {
      expect((await inHello('hostname')).stdout).toBe('hello\n');
      const named = await postern.run('run', '--image', shop.image('hello.raw'), '--hostname', 'castle', '--', 'hostname');
      expect(named.stdout).toBe('castle\n');
    });

    it('another user of the range with --user', async () => {
      const { stdout } = await postern.run('run', '--image', shop.image('hello.raw'), '--user', '1000:5', '--', 'id');
      expect(stdout).toBe('uid=1000(alice) gid=5\n');
    });

    it('a network of its own with --private-network', async () => {
      const { stdout } = await postern.run(
        'run',
        '--image',
        shop.image('hello.raw'),
        '--private-network',
        '--',
        'ls',
        '/proc/sys/net/ipv4/conf',
      );
      expect(stdout.split('\n').filter(Boolean)).toEqual(['all', 'default', 'lo']);
    });

    it('input that is piped in', async () => {
      const child = execFileSync('sh', ['-c', `echo piped | "${postern.program}" run --image "${shop.image('hello.raw')}" -- cat`], {
        env: { PATH: process.env.PATH, POSTERN_SOCKET: server.socket },
        ...ordinary,
      });
      expect(child.toString()).toBe('piped\n');
    });
  });

  describe('what is not there', () => {
    it('no mount of the host', async () => {
      const { stdout } = await inHello('cat', '/proc/self/mountinfo');
      const places = stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[4]);
      expect(places.sort()).toEqual(
        [
          '/',
          '/dev',
          '/dev/full',
          '/dev/null',
          '/dev/pts',
          '/dev/random',
          '/dev/shm',
          '/dev/tty',
          '/dev/urandom',
          '/dev/zero',
          '/proc',
          '/run',
          '/tmp',
        ].sort(),
      );
    });

    it('no way up and out of the root', async () => {
      expect((await shell('cd ..; cd ../../..; ls; ls /proc/1/root 2>&1; ls /proc/1/cwd/ 2>&1')).stdout).toBe(
        'bin\ndev\netc\nhome\nlib\nproc\nroot\nrun\nsbin\nsys\ntmp\nusr\nvar\n' +
          'ls: /proc/1/root: Permission denied\nls: /proc/1/cwd/: Permission denied\n',
      );
    });

    it('no process, no System V object and no host name of the host', async () => {
      expect((await shell('ls -d /proc/[0-9]* | wc -l')).stdout.trim()).toMatch(/^[1-5]$/);
      expect((await shell('cat /proc/sysvipc/shm | wc -l')).stdout.trim()).toBe('1');
    });

    it('no group of the caller', async () => {
      const { stdout } = await shell('grep Groups /proc/self/status');
      expect(stdout.trim()).toBe('Groups:');
    });

    it('no flag of the root’s mount can be taken off', async () => {
      const { stdout } = await shell(
        'mount -o remount,bind,rw / 2>/dev/null && echo rw; mount -o remount,bind,dev / 2>/dev/null && echo dev; umount / 2>/dev/null && echo gone; touch /x 2>&1',
      );
      expect(stdout).toBe('touch: /x: Read-only file system\n');
    });
  });

  describe('at a terminal', () => {
    const inTerminal = async (image: string, command: string) => {
      const { stdout } = await atTerminal(`${postern.program} run --image ${image} -- ${command}`, server.socket).ended;
      return stdout.replaceAll('\r', '');
    };

    it('the command is connected to it, by a name', async () => {
      const shown = await inTerminal(shop.image('hello.raw'), "sh -c 'tty; test -t 0 && test -t 1 && echo yes; echo hi > /dev/tty'");
      expect(shown).toBe('/dev/console\nyes\nhi\n');
    });

    it('the check of a large image shows how far it is, and takes the bar away again', async () => {
      const tree = join(shop.folder, 'large');
      for (const name of ['proc', 'dev', 'tmp']) mkdirSync(join(tree, name), { recursive: true });
      copyFileSync('/bin/busybox', join(tree, 'echo'));
      // long enough to check that there is something to show: the service tells four times a second
      writeFileSync(join(tree, 'blob'), '');
      truncateSync(join(tree, 'blob'), 400 * 2 ** 20);
      const image = await signedImage('large', tree);
      const { stdout } = await atTerminal(`${postern.program} run --image ${image} -- /echo done`, server.socket).ended;
      expect(stdout).toMatch(/large\.raw .*% of 40\d MiB/);
      expect(stdout.endsWith('\r\x1b[2Kdone\r\n')).toBe(true);
    });

    it('the command can’t type in the caller’s name', async () => {
      const tree = join(shop.folder, 'typing');
      for (const name of ['proc', 'dev', 'tmp']) mkdirSync(join(tree, name), { recursive: true });
      writeFileSync(join(shop.folder, 'typing.c'), typing);
      execFileSync('cc', ['-static', '-o', join(tree, 'typing'), join(shop.folder, 'typing.c')]);
      expect(await inTerminal(await signedImage('typing', tree), '/typing')).toBe('Operation not permitted\n');
    });
  });

  it('an image without the folders that a container needs is refused by name', async () => {
    const tree = join(shop.folder, 'bare');
    mkdirSync(join(tree, 'tmp'), { recursive: true });
    const image = await signedImage('bare', tree);
    expect(await postern.run('run', '--image', image, '--', '/x')).toMatchObject({
      status: 65,
      stderr: expect.stringContaining("the image can't be a root: it has no folder /proc, /dev"),
    });
  });
});

function exists(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').length > 0;
  } catch {
    return false;
  }
}
