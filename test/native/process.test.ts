/** What a process gives up for good: being traced, and system calls. And what it learns of BPF. */
import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { eventually, isRoot, native, outcome, runNode } from './parts/native.ts';

/** What a Node that only computes and prints still calls. */
const basic = [
  ...[
    'read',
    'write',
    'writev',
    'close',
    'fstat',
    'newfstatat',
    'futex',
    'mmap',
    'munmap',
    'mprotect',
    'madvise',
    'brk',
    'exit_group',
    'exit',
  ],
  ...[
    'epoll_wait',
    'epoll_pwait',
    'epoll_ctl',
    'rt_sigprocmask',
    'rt_sigaction',
    'rt_sigreturn',
    'sched_yield',
    'getpid',
    'gettid',
    'ioctl',
    'fcntl',
  ],
];

describe('a filtered process', () => {
  const filtered = (script: string) =>
    runNode(`
    const fs = require('node:fs');
    const attempt = (call) => { try { call(); return 'ok'; } catch (error) { return error.code; } };
    native.seccompAllow(${JSON.stringify([...basic, 'no_such_call'])});
    ${script}`);

  it('is told EPERM for every call that it was not left, and runs on', async () => {
    const { stdout, status } = await filtered(`
      fs.writeSync(1, [attempt(() => fs.openSync('/etc/passwd')), attempt(() => fs.mkdirSync('/tmp/x')), attempt(() => native.socketPair(1))].join());`);
    expect({ stdout, status }).toEqual({ stdout: 'EPERM,EPERM,EPERM', status: 0 });
  });

  it('is filtered in each of its threads, those that were there before too', async () => {
    const { stdout } = await runNode(`
      const fs = require('node:fs');
      fs.stat('/', () => {   // libuv's pool is there now
        const status = fs.openSync('/proc/self/status');
        native.seccompAllow(${JSON.stringify(basic)});
        fs.open('/etc/passwd', 'r', (error) => fs.writeSync(1, error.code));
      });`);
    expect(stdout).toBe('EPERM');
  });

  it('can’t be given more by a second filter', async () => {
    const { stdout } = await filtered(`
      const second = attempt(() => native.seccompAllow(['openat', 'open']));
      fs.writeSync(1, [second, attempt(() => fs.openSync('/etc/passwd'))].join());`);
    expect(stdout).toMatch(/^E[A-Z]+,EPERM$/);
  });
});

it.skipIf(!isRoot)('a hidden process can’t be looked into by others of its user', async () => {
  const look = (hide: boolean) =>
    runNode(
      `
    process.setuid(65520);
    ${hide ? 'native.hideFromTracers();' : ''}
    const { execFileSync } = require('node:child_process');
    console.log(execFileSync('sh', ['-c', 'ls /proc/' + process.pid + '/fd >/dev/null 2>&1 && echo open || echo shut'], { encoding: 'utf8' }).trim());`,
      [],
      [],
    );
  // A change of user hides a process as well, until it executes something.
  expect((await look(true)).stdout).toBe('shut\n');
  const shown = await runNode(
    `
    const { execFileSync } = require('node:child_process');
    console.log(execFileSync('sh', ['-c', 'ls /proc/' + process.pid + '/fd >/dev/null 2>&1 && echo open || echo shut'], { encoding: 'utf8' }).trim());`,
    [],
    ['setpriv', '--reuid', '65520', '--regid', '65520', '--clear-groups'],
  );
  expect(shown.stdout).toBe('open\n');
});

describe('a child that has ended', () => {
  it('is reaped once, with its status', async () => {
    const { pid, socket } = isRoot ? native.spawnHelper('/bin/false') : { pid: 0, socket: -1 };
    if (pid === 0) return;
    expect(await eventually(() => native.reap(pid) ?? undefined)).toBe(1);
    expect(outcome(() => native.reap(pid))).toBe('ECHILD');
    native.close(socket);
  });

  it('is told from one that runs, and from a stranger’s', () => {
    const child = spawn('sleep', ['1000']);
    expect(native.reap(child.pid ?? 0)).toBeNull();
    child.kill('SIGKILL');
    expect(outcome(() => native.reap(1))).toBe('ECHILD');
    expect(outcome(() => native.reap(0))).toBe('ECHILD');
    expect(outcome(() => native.reap(0xffff_ffff))).toBe('ECHILD');
  });
});

it('a kernel says whether it takes BPF-LSM programs: nothing, or a reason', () => {
  const answer = native.tryBpfLsm();
  expect(answer === null || /^E[A-Z0-9]+$/.test(answer)).toBe(true);
});
