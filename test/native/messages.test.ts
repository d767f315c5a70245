/** Messages with descriptors over Unix sockets. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRoot, leaked, native, outcome, runNode, scratch } from './parts/native.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

function pair<T>(use: (one: number, other: number) => T): T {
  const [one, other] = native.socketPair(262_144);
  try {
    return use(one, other);
  } finally {
    native.close(one);
    native.close(other);
  }
}

/** The most that SCM_RIGHTS carries. */
const mostDescriptors = 253;

describe('a packet', () => {
  it('arrives whole, with its descriptors', () => {
    pair((one, other) => {
      expect(native.send(one, bytes('hello'), [0, 1])).toBe(5);
      const buffer = new Uint8Array(64);
      const message = native.receive(other, buffer, 8);
      expect(message).toMatchObject({ bytes: 5, truncated: false, controlTruncated: false });
      expect(message?.descriptors).toHaveLength(2);
      expect(native.describe(message?.descriptors[0] ?? -1).inode).toBe(native.describe(0).inode);
      for (const fd of message?.descriptors ?? []) native.close(fd);
    });
  });

  it('of any bytes and any number of descriptors arrives as it was sent', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 4096 }), fc.integer({ min: 0, max: mostDescriptors }), (data, count) =>
        pair((one, other) => {
          expect(native.send(one, data, Array(count).fill(0))).toBe(data.length);
          const buffer = new Uint8Array(4096);
          const message = native.receive(other, buffer, mostDescriptors);
          for (const fd of message?.descriptors ?? []) native.close(fd);
          expect(message?.descriptors).toHaveLength(count);
          expect(buffer.subarray(0, message?.bytes)).toEqual(data);
        }),
      ),
      { numRuns: 50 },
    );
  });

  it('with more descriptors than the kernel carries is refused', () => {
    pair((one) => {
      expect(outcome(() => native.send(one, bytes('x'), Array(mostDescriptors + 1).fill(0)))).toBe('ERR_INVALID_ARG_TYPE');
    });
  });

  it('that does not fit is marked', () => {
    pair((one, other) => {
      native.send(one, bytes('longer than four'), []);
      expect(native.receive(other, new Uint8Array(4), 0)).toMatchObject({ bytes: 4, truncated: true });
    });
  });

  it('with more descriptors than wanted brings exactly as many as wanted, and is marked', async () => {
    for (const wanted of [0, 1, 2, 3]) {
      expect(
        await leaked(() =>
          pair((one, other) => {
            native.send(one, bytes('x'), [0, 0, 0, 0, 0, 0]);
            const message = native.receive(other, new Uint8Array(4), wanted);
            expect(message?.controlTruncated).toBe(true);
            expect(message?.descriptors).toHaveLength(wanted);
            for (const fd of message?.descriptors ?? []) native.close(fd);
          }),
        ),
      ).toBe(0);
    }
  });

  it('that is empty is refused: its receiver would take it for the end', () => {
    pair((one) => expect(outcome(() => native.send(one, new Uint8Array(0), []))).toBe('EINVAL'));
  });

  it('with a closed descriptor is refused whole', () => {
    pair((one, other) => {
      const fd = native.duplicate(0);
      native.close(fd);
      expect(outcome(() => native.send(one, bytes('x'), [fd]))).toBe('EBADF');
      expect(native.receive(other, new Uint8Array(4), 8)).toBeNull();
    });
  });
});

describe('a socket', () => {
  it('that has nothing to read says null', () => {
    pair((one) => expect(native.receive(one, new Uint8Array(4), 1)).toBeNull());
  });

  it('whose queue is full says null, and takes more once it was read', () => {
    pair((one, other) => {
      const data = new Uint8Array(16_384);
      let sent = 0;
      while (native.send(one, data, []) !== null) sent += 1;
      expect(sent).toBeGreaterThan(0);
      native.receive(other, data, 0);
      expect(native.send(one, data, [])).toBe(data.length);
    });
  });

  it('whose peer is gone reads the end, and can’t be written to', () => {
    const [one, other] = native.socketPair(65_536);
    native.close(other);
    expect(native.receive(one, new Uint8Array(4), 1)).toMatchObject({ bytes: 0, descriptors: [] });
    expect(outcome(() => native.send(one, bytes('x'), []))).toBe('EPIPE');
    native.close(one);
  });

  it.skipIf(!isRoot)('has the buffer that was asked for, past the limit of the system only for whoever may', async () => {
    const script = "try { native.socketPair(1 << 29); console.log('ok'); } catch (error) { console.log(error.code); }";
    const asNobody = ['setpriv', '--reuid', '65520', '--regid', '65520', '--clear-groups'];
    expect((await runNode(script)).stdout).toBe('ok\n');
    expect((await runNode(script, [], asNobody)).stdout).toBe('ENOBUFS\n');
  });
});

describe('a stream', () => {
  it('does not mix the descriptors of two messages', () => {
    using folder = scratch();
    const path = join(folder.path, 'socket');
    const listener = native.listen(path, 0o600, 4);
    const client = native.connect(path);
    const server = native.accept(listener);
    if (server === null) throw new Error('nobody came');
    native.send(client, bytes('first'), []);
    native.send(client, bytes('second'), [0]);
    native.send(client, bytes('third'), [0, 0]);
    native.shutdownWrite(client);
    const buffer = new Uint8Array(64);
    const counts: number[] = [];
    for (let message = native.receive(server, buffer, 8); message !== null && message.bytes > 0; ) {
      counts.push(message.descriptors.length);
      for (const fd of message.descriptors) native.close(fd);
      message = native.receive(server, buffer, 8);
    }
    expect(counts).toEqual([1, 2]);
    for (const fd of [listener, client, server]) native.close(fd);
  });

  it('can be looked at without taking anything, descriptors included', async () => {
    expect(
      await leaked(() => {
        using folder = scratch();
        const listener = native.listen(join(folder.path, 'socket'), 0o600, 4);
        const client = native.connect(join(folder.path, 'socket'));
        const server = native.accept(listener) ?? -1;
        native.send(client, bytes('x'), [0]);
        expect(native.peek(server, new Uint8Array(4))).toBe(1);
        const message = native.receive(server, new Uint8Array(4), 1);
        expect(message?.descriptors).toHaveLength(1);
        for (const fd of [listener, client, server, ...(message?.descriptors ?? [])]) native.close(fd);
      }),
    ).toBe(0);
  });
});

it('a datagram for a service manager that is not there says so', () => {
  using folder = scratch();
  expect(outcome(() => native.sendDatagram(join(folder.path, 'absent'), bytes('READY=1'), []))).toBe('ENOENT');
  expect(outcome(() => native.sendDatagram('x'.repeat(200), bytes('READY=1'), []))).toBe('ENAMETOOLONG');
});
