/** A service's program gets what the launcher's options name, and nothing else. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { built, eventually, isRoot, launcherPath, native, outcome, run, scratch } from './parts/native.ts';

/** Where the tests' view has the running Node. */
const nodeInView = ['--system', '--bind', `${process.execPath}:/node`];

/** Runs a shell command in a view. */
const shell = (options: readonly string[], command: string, descriptors: readonly number[] = []) =>
  run([launcherPath, '--system', ...options, '--', '/bin/sh', '-c', command], descriptors);

/** Starts a Node in a view that runs the script; resolves once that has written a line. */
async function startNode(options: readonly string[], script: string): Promise<ChildProcessWithoutNullStreams> {
  const child = spawn(launcherPath, [...nodeInView, ...options, '--', '/node', '-e', script]);
  child.stderr.pipe(process.stderr);
  const ended = once(child, 'exit').then(([status]) => Promise.reject(new Error(`it ended with ${status}`)));
  await Promise.race([once(child.stdout, 'data'), ended]);
  ended.catch(() => undefined);
  return child;
}

/** A field of /proc/PID/status, of each thread. */
function ofEachThread(pid: number, field: string): string[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(status)?.[1] ?? 'absent';
  });
}

const capabilityFields = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

describe.skipIf(!isRoot)('a launched program', () => {
  it('has exactly the capabilities named, in every thread and every set, and can’t gain one', async () => {
    const child = await startNode(
      ['--uid', '65520', '--gid', '65521', '--caps', 'cap_sys_admin,cap_setuid'],
      `require('node:crypto').pbkdf2('a', 'b', 1, 1, 'sha1', () => console.log('ready')); setInterval(() => {}, 1000);`,
    );
    const pid = child.pid ?? 0;
    expect(readdirSync(`/proc/${pid}/task`).length).toBeGreaterThan(4);
    for (const field of capabilityFields) expect(new Set(ofEachThread(pid, field))).toEqual(new Set(['0000000000200080']));
    expect(new Set(ofEachThread(pid, 'NoNewPrivs'))).toEqual(new Set(['1']));
    expect(new Set(ofEachThread(pid, 'Uid'))).toEqual(new Set(['65520\t65520\t65520\t65520']));
    expect(new Set(ofEachThread(pid, 'Gid'))).toEqual(new Set(['65521\t65521\t65521\t65521']));
    expect(new Set(ofEachThread(pid, 'Groups').map((groups) => groups.trim()))).toEqual(new Set(['']));
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('without capabilities has none, even as user 0 and in what it starts', async () => {
    const { stdout } = await shell(['--proc'], 'grep ^Cap /proc/self/status; id -u; touch /usr/x 2>&1');
    expect(stdout.match(/^Cap\w+:\s*0000000000000000$/gm)).toHaveLength(5);
    expect(stdout).toMatch(/^0$/m);
  });

  it('hands its capabilities on to what it starts, and no others', async () => {
    const { stdout } = await shell(['--proc', '--caps', 'cap_setuid'], 'sh -c "grep ^CapEff /proc/self/status"');
    expect(stdout).toBe('CapEff:\t0000000000000080\n');
  });

  it('sees its view and nothing else of the host', async () => {
    using folder = scratch();
    chmodSync(folder.path, 0o755);
    writeFileSync(join(folder.path, 'file'), 'seen');
    const { stdout } = await shell(
      ['--bind', `${folder.path}:/state/deep/folder`, '--bind', `${join(folder.path, 'file')}:/etc/one`, '--symlink', 'state/deep:/link'],
      'ls /; cat /state/deep/folder/file /etc/one /link/folder/file; ls /etc',
    );
    const inHost = readdirSync('/');
    const fromSystem = ['bin', 'lib', 'lib32', 'lib64', 'sbin'].filter((name) => inHost.includes(name));
    expect(stdout).toBe([...fromSystem, 'etc', 'link', 'state', 'usr'].sort().join('\n').concat('\nseenseenseenone\n'));
  });

  it('has libraries where the host has them: as links into /usr, or folders', async () => {
    const { stdout } = await shell([], 'readlink /lib /lib64 /bin; true');
    expect(stdout).toBe(execFileSync('sh', ['-c', 'readlink /lib /lib64 /bin; true'], { encoding: 'utf8' }));
  });

  it('can change nothing but what is bound for writing, where no program runs', async () => {
    using folder = scratch();
    const writable = join(folder.path, 'rw');
    mkdirSync(writable);
    const { stdout } = await shell(
      ['--bind', `${folder.path}:/ro`, '--bind-rw', `${writable}:/rw`],
      `for place in / /usr /ro /rw; do touch $place/x && echo $place; done
       cp /bin/true /rw/true; /rw/true || echo noexec; mkdir /new || mount -t tmpfs none /rw || echo sealed`,
    );
    expect(stdout).toBe('/rw\nnoexec\nsealed\n');
    expect(readdirSync(writable).sort()).toEqual(['true', 'x']);
  });

  it('opens device nodes in a device view only', async () => {
    using folder = scratch();
    execFileSync('mknod', ['-m', '666', join(folder.path, 'null'), 'c', '1', '3']);
    const { stdout } = await shell(
      ['--bind', `${folder.path}:/plain`, '--dev-bind', `${folder.path}:/devices`],
      'cat /plain/null && echo plain; cat /devices/null && echo devices; touch /devices/x || echo read-only',
    );
    expect(stdout).toBe('devices\nread-only\n');
  });

  it('finds set-user-ID files without effect', async () => {
    using folder = scratch();
    chmodSync(folder.path, 0o755);
    execFileSync('cp', ['/usr/bin/id', join(folder.path, 'id')]);
    chmodSync(join(folder.path, 'id'), 0o4755);
    const { stdout } = await shell(['--uid', '65520', '--gid', '65520', '--bind', `${folder.path}:/suid`], '/suid/id -u');
    expect(stdout).toBe('65520\n');
  });

  it('inherits the standard streams and the kept descriptors only', async () => {
    const extra = native.duplicate(0);
    const child = spawn(launcherPath, ['--system', '--keep-fd', '4', '--', '/bin/sleep', '1000'], {
      stdio: ['ignore', 'ignore', 'inherit', extra, extra, extra],
    });
    await eventually(() => (readFileSync(`/proc/${child.pid}/comm`, 'utf8') === 'sleep\n' ? true : undefined));
    expect(readdirSync(`/proc/${child.pid}/fd`)).toEqual(['0', '1', '2', '4']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    native.close(extra);
  });

  it('has the environment given, a mask of 077, and / as its folder', async () => {
    const { stdout } = await run([
      ...['env', 'SECRET=1', launcherPath, '--system', '--env', 'A=b=c', '--env', 'EMPTY=', '--'],
      ...['/usr/bin/env', '-i', '/bin/sh', '-c', 'umask; pwd'],
    ]);
    expect(stdout).toBe('0077\n/\n');
    const { stdout: environment } = await run([
      ...['env', 'SECRET=1', launcherPath, '--system', '--env', 'A=b=c', '--env', 'EMPTY=', '--', '/usr/bin/env'],
    ]);
    expect(environment).toBe('A=b=c\nEMPTY=\n');
  });

  it('has a /tmp of its own, and no network, where that is asked', async () => {
    const { stdout } = await shell(
      ['--proc', '--tmp', '--no-network', '--no-ipc', '--uid', '65520'],
      'touch /tmp/x && ls /tmp; stat -c %a /tmp; tail -n +3 /proc/net/dev | cut -d: -f1; readlink /proc/self/ns/net /proc/self/ns/ipc',
    );
    const [file, mode, device, network, ipc] = stdout.trim().split('\n');
    expect([file, mode, device?.trim()]).toEqual(['x', '1777', 'lo']);
    const [ownNetwork, ownIpc] = execFileSync('readlink', ['/proc/self/ns/net', '/proc/self/ns/ipc'], { encoding: 'utf8' }).split('\n');
    expect([network, ipc]).not.toContain(ownNetwork);
    expect([network, ipc]).not.toContain(ownIpc);
  });

  it('leaves the mounts of the host as they were', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    await shell(['--proc', '--tmp', '--dev-bind', '/dev:/dev'], 'true');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });

  it('dies with its parent', async () => {
    const script = `
      const { spawn } = require('node:child_process');
      const child = spawn(${JSON.stringify(launcherPath)}, ['--system', '--uid', '65520', '--', '/bin/sh', '-c', 'echo in; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] });
      child.stdout.once('data', () => console.log(child.pid));`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [pid] = await once(parent.stdout, 'data');
    parent.kill('SIGKILL');
    await eventually(() => (outcome(() => process.kill(Number(pid), 0)) === 'ESRCH' ? true : undefined));
  });

  it('gives its own exit status, or its signal', async () => {
    expect(await shell([], 'exit 7')).toMatchObject({ status: 7, stderr: '' });
    expect(await shell([], 'kill -TERM $$')).toMatchObject({ status: null, signal: 'SIGTERM' });
  });

  it('runs the helper with the few capabilities that it needs', async () => {
    const child = await startNode(
      ['--proc', '--caps', 'cap_setuid,cap_setgid,cap_sys_admin', '--bind', `${built}:/native`, '--env', 'PATH=/usr/bin'],
      `const native = require('/native/Release/postern.node');
       const { spawn } = require('node:child_process');
       const helper = native.spawnHelper('/native/helper');
       const holder = spawn('unshare', ['-U', 'sh', '-c', 'echo in; exec sleep 1000'], { stdio: ['inherit', 'pipe', 'inherit'] });
       holder.stdout.once('data', () => {
         const fd = require('node:fs').openSync('/proc/' + holder.pid + '/ns/user');
         const line = [{ inside: 0, outside: 524288, length: 65536 }];
         native.helperWriteMaps(helper.socket, fd, { uid: line, gid: line }, false);
         const context = native.fsopen('tmpfs');
         native.fsconfigCreate(context);
         native.helperLockMounts(helper.socket, [native.fsmount(context, 4)]);
         holder.kill('SIGKILL');
         console.log(native.helperReadMaps(helper.socket, fd).uid[0].outside);
       });
       setInterval(() => {}, 1000);`,
    );
    expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
});

describe.skipIf(!isRoot)('an empty root', () => {
  const script = `
    const fs = require('node:fs');
    const attempt = (call) => { try { call(); return 'ok'; } catch (error) { return error.code; } };
    console.log('ready');
    process.stdin.once('data', () => {
      const open = ['/node', '/usr', '/usr/bin', '/bin/sh', '../usr', './usr', '/proc', '/etc'].map((path) => attempt(() => fs.openSync(path)));
      const rest = [fs.readdirSync('/').length, fs.readdirSync('.').length, fs.readdirSync('..').length,
        attempt(() => fs.writeFileSync('/x', '')), attempt(() => fs.mkdirSync('x')), attempt(() => process.chdir('/usr')),
        attempt(() => require('node:child_process').execFileSync('/bin/sh'))];
      // what is loaded and open goes on working
      const works = require('node:crypto').createHash('sha256').update('x').digest('hex').length;
      console.log(JSON.stringify([open, rest, works]));
      process.exit(9);
    });`;

  it('is all that the process has left, and it runs on', async () => {
    const child = await startNode(['--uid', '65520', '--gid', '65520'], script);
    const { status, stderr } = await run([launcherPath, '--empty-root', String(child.pid)]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(`/proc/${child.pid}/mountinfo`, 'utf8').trim().split('\n')).toHaveLength(1);
    child.stdin.write('go');
    const [answer] = await once(child.stdout, 'data');
    const gone = 'ENOENT';
    expect(JSON.parse(String(answer))).toEqual([Array(8).fill(gone), [0, 0, 0, 'EROFS', 'EROFS', gone, gone], 64]);
    expect(await once(child, 'exit')).toEqual([9, null]);
  });

  it('is refused where the process still has a folder of the old tree', async () => {
    const child = await startNode([], `process.chdir('/usr'); ${script}`);
    const { status, stderr } = await run([launcherPath, '--empty-root', String(child.pid)]);
    expect(status).toBe(126);
    expect(stderr).toMatch(/^launcher: working directory .*\n$/);
    child.kill('SIGKILL');
    await once(child, 'exit');
  });

  it('is refused for a stranger’s process, for one that shares our view, and for none', async () => {
    const beside = spawn('sleep', ['1000']);
    for (const pid of [1, process.pid, beside.pid, 0x7fff_fff0]) {
      const { status, stderr } = await run([launcherPath, '--empty-root', String(pid)]);
      expect([status, stderr.split('\n').length]).toEqual([126, 2]);
    }
    beside.kill('SIGKILL');
    await once(beside, 'exit');
  });
});

describe('the launcher', () => {
  it('ends with 125 for options it does not know or can’t read', async () => {
    for (const options of [
      ['--nonsense'],
      ['--bind', 'relative:/x'],
      ['--bind', '/usr'],
      ['--bind', '/usr:/'],
      ['--uid', '-1'],
      ['--uid', '4294967295'],
      ['--uid', '1x'],
      ['--caps', 'cap_everything'],
      ['--env', 'NOVALUE'],
      ['--keep-fd', 'three'],
      ['--empty-root', ''],
      [],
    ]) {
      const { status, stderr } = await run([launcherPath, ...options]);
      expect([options, status, stderr.split('\n').length]).toEqual([options, 125, 2]);
    }
  });

  it.skipIf(!isRoot)('ends with 126 and the step’s name where a view can’t be made, 127 where a program can’t be run', async () => {
    expect(await shell(['--bind', '/nowhere:/x'], 'true')).toMatchObject({
      status: 126,
      stderr: 'launcher: open_tree /nowhere: No such file or directory\n',
    });
    expect(await shell(['--keep-fd', '99'], 'true')).toMatchObject({ status: 126, stderr: 'launcher: keep-fd 99: Bad file descriptor\n' });
    expect(await run([launcherPath, '--system', '--', '/nowhere'])).toMatchObject({
      status: 127,
      stderr: 'launcher: execve /nowhere: No such file or directory\n',
    });
  });
});
