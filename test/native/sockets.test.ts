/** Listening sockets, connections, and who is at the other end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { leaked, native, outcome, scratch } from './parts/native.ts';
import { buildProbe } from './parts/probe.ts';

describe('a listening socket', () => {
  it('has exactly the mode that was asked for, whatever the umask', () => {
    using folder = scratch();
    const before = process.umask(0o077);
    for (const mode of [0o666, 0o600, 0o640]) {
      const path = join(folder.path, mode.toString(8));
      native.close(native.listen(path, mode, 1));
      expect(statSync(path).mode & 0o7777).toBe(mode);
    }
    process.umask(before);
  });

  it('takes the place of one that nobody listens on any more', () => {
    using folder = scratch();
    const path = join(folder.path, 'socket');
    native.close(native.listen(path, 0o600, 1));
    const second = native.listen(path, 0o600, 1);
    native.close(native.connect(path));
    native.close(second);
  });

  it('never takes the place of a living one, nor of anything else', () => {
    using folder = scratch();
    const path = join(folder.path, 'socket');
    const first = native.listen(path, 0o600, 1);
    expect(outcome(() => native.listen(path, 0o600, 1))).toBe('EADDRINUSE');
    native.close(native.connect(path));
    native.close(first);
    const file = join(folder.path, 'file');
    writeFileSync(file, 'precious');
    expect(outcome(() => native.listen(file, 0o600, 1))).toBe('EADDRINUSE');
    mkdirSync(join(folder.path, 'folder'));
    expect(outcome(() => native.listen(join(folder.path, 'folder'), 0o600, 1))).toBe('EADDRINUSE');
    expect(statSync(file).size).toBe(8);
  });

  it('with an impossible path says so and leaves nothing open', async () => {
    expect(
      await leaked(() => {
        expect(outcome(() => native.listen(`/tmp/${'x'.repeat(200)}`, 0o600, 1))).toBe('ENAMETOOLONG');
        expect(outcome(() => native.listen('', 0o600, 1))).toBe('ENAMETOOLONG');
        expect(outcome(() => native.listen('/nowhere/socket', 0o600, 1))).toBe('ENOENT');
        expect(outcome(() => native.connect('/nowhere/socket'))).toBe('ENOENT');
      }),
    ).toBe(0);
  });

  it('can have an abstract name', () => {
    const name = `@postern-test-${process.pid}`;
    const listener = native.listen(name, 0, 1);
    native.close(native.connect(name));
    expect(outcome(() => native.listen(name, 0, 1))).toBe('EADDRINUSE');
    native.close(listener);
  });

  it('that nobody connects to gives null', () => {
    using folder = scratch();
    const listener = native.listen(join(folder.path, 'socket'), 0o600, 1);
    expect(native.accept(listener)).toBeNull();
    native.close(listener);
  });
});

describe('the other end', () => {
  function connected(use: (server: number, client: number) => void): void {
    using folder = scratch();
    const listener = native.listen(join(folder.path, 'socket'), 0o600, 4);
    const client = native.connect(join(folder.path, 'socket'));
    const server = native.accept(listener);
    if (server === null) throw new Error('nobody came');
    use(server, client);
    for (const fd of [listener, client, server]) native.close(fd);
  }

  it('is known by its credentials', () => {
    connected((server) =>
      expect(native.peerCredentials(server)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() }),
    );
  });

  it('is known by its process', () => {
    connected((server) => {
      const pidfd = native.peerProcess(server);
      expect(native.describe(pidfd ?? -1).type).toBe('process');
      native.close(pidfd ?? -1);
    });
  });

  it('that is gone is null, or a process that takes no signal any more', async () => {
    using folder = scratch();
    const path = join(folder.path, 'socket');
    const listener = native.listen(path, 0o600, 4);
    const child = spawn(process.execPath, ['-e', `require('net').connect(${JSON.stringify(path)}, () => process.exit())`]);
    await once(child, 'exit');
    const server = native.accept(listener) ?? -1;
    const pidfd = native.peerProcess(server);
    // Newer kernels name even a process that was reaped.
    if (pidfd !== null) {
      expect(native.processMountNamespace(pidfd, child.pid ?? 0)).toBeNull();
      native.close(pidfd);
    }
    for (const fd of [listener, server]) native.close(fd);
  });

  it('is known by a cookie of its own', () => {
    connected((server) => connected((another) => expect(native.socketCookie(server)).not.toBe(native.socketCookie(another))));
  });
});

it('a datagram for a service manager brings its text and its descriptors', async () => {
  using folder = scratch();
  const probe = buildProbe(folder.path);
  const path = join(folder.path, 'notify');
  const receiver = spawn(probe, ['datagram', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  receiver.stdout.on('data', (part) => {
    output += part;
  });
  await once(receiver.stdout, 'data');
  native.sendDatagram(path, new TextEncoder().encode('READY=1'), [0, 1]);
  await once(receiver, 'close');
  expect(output).toBe('bound\nREADY=1 2\n');
});
