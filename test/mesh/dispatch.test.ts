/** Every message passes the same checks in the same order: name, sender, receiver, shape, number of descriptors, kind of each. */
import { constants, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { closeAll, Descriptor } from '../../mesh/descriptors.ts';
import { BadMessage, check, type Fault } from '../../mesh/dispatch.ts';
import { encodeFrame } from '../../mesh/frame.ts';
import { messageNames, messages, type Node, services } from '../../mesh/protocol.ts';
import { native } from '../../native/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'postern-dispatch-'));
const image = join(folder, 'image');
writeFileSync(image, 'x');
afterAll(() => rmSync(folder, { recursive: true }));

/** O_PATH of asm-generic/fcntl.h */
const openPath = 0o10000000;
const opened = (path: string, flags: number) => new Descriptor(openSync(path, flags));
const readable = () => opened(image, constants.O_RDONLY);
const userNamespace = () => new Descriptor(native.ownUserNamespace());

function faultOf(self: Node, from: Node, frame: Uint8Array, descriptors: Descriptor[]): Fault | null {
  try {
    check(self, from, frame, descriptors);
    return null;
  } catch (error) {
    if (error instanceof BadMessage) return error.fault;
    throw error;
  } finally {
    closeAll(descriptors);
  }
}

const restrict = encodeFrame('range.restrict', { request: 1, namespace: 'id:1', transient: true, denySetgroups: false });
const options = {
  readOnly: true,
  growFileSystems: false,
  imagePolicy: null,
  mountOptions: {},
  relaxExtensionReleaseChecks: false,
  veritySharing: false,
  verityRootHash: null,
  verityRootHashSignature: null,
  imageName: null,
};
const prepare = encodeFrame('image.prepare', { request: 1, deadline: 1, peer: { uid: 1, gid: 1, pid: 1 }, options });

describe('a message is accepted', () => {
  it('from its sender, with its shape and its descriptors', () => {
    expect(faultOf('lsm', 'allocator', restrict, [userNamespace()])).toBe(null);
    expect(faultOf('verity', 'gateway', prepare, [readable()])).toBe(null);
    expect(faultOf('verity', 'gateway', prepare, [opened(image, constants.O_RDWR)])).toBe(null);
  });
});

describe('a message is refused', () => {
  it('under an unknown name', () => {
    expect(faultOf('lsm', 'allocator', encodeFrame('range.steal', { request: 1 }), [])).toBe('unknown name');
    expect(faultOf('lsm', 'allocator', encodeFrame('constructor', {}), [])).toBe('unknown name');
    expect(faultOf('lsm', 'allocator', encodeFrame('__proto__', {}), [])).toBe('unknown name');
  });

  it('from anyone but its senders, before its payload is looked at', () => {
    for (const name of messageNames) {
      const senders: readonly Node[] = messages[name].from;
      const receivers: readonly Node[] = messages[name].to;
      for (const from of [...services, 'parent' as const])
        for (const self of receivers)
          if (!senders.includes(from))
            expect(faultOf(self, from, encodeFrame(name, 'nonsense'), []), `${name} from ${from}`).toBe('not its sender');
    }
  });

  it('by anyone but its receivers', () => {
    for (const name of messageNames) {
      const senders: readonly Node[] = messages[name].from;
      const receivers: readonly Node[] = messages[name].to;
      for (const self of [...services, 'parent' as const])
        for (const from of senders)
          if (!receivers.includes(self))
            expect(faultOf(self, from, encodeFrame(name, 'nonsense'), []), `${name} to ${self}`).toBe('not its receiver');
    }
  });

  it('with a field too many, too few, or out of bounds', () => {
    const shapes = [
      { request: 1, namespace: 'id:1' },
      { request: 1, namespace: 'id:1', transient: true, denySetgroups: false, more: 1 },
      { request: 0, namespace: 'id:1', transient: true, denySetgroups: false },
      { request: 1.5, namespace: 'id:1', transient: true, denySetgroups: false },
      { request: '1', namespace: 'id:1', transient: true, denySetgroups: false },
      { request: 1, namespace: 'x'.repeat(65), transient: true, denySetgroups: false },
      null,
      [],
    ];
    for (const shape of shapes) expect(faultOf('lsm', 'allocator', encodeFrame('range.restrict', shape), [])).toBe('wrong shape');
  });

  it('with a descriptor too many or too few', () => {
    expect(faultOf('lsm', 'allocator', restrict, [])).toBe('wrong number of descriptors');
    expect(faultOf('lsm', 'allocator', restrict, [userNamespace(), userNamespace()])).toBe('wrong number of descriptors');
  });
});

describe('a descriptor is refused', () => {
  const wrong = 'wrong kind of descriptor';
  const asImage = (descriptor: Descriptor) => faultOf('verity', 'gateway', prepare, [descriptor]);
  const asNamespace = (descriptor: Descriptor) => faultOf('lsm', 'allocator', restrict, [descriptor]);

  it('as an image where it is O_PATH, write-only, a folder, a device, a socket, a fifo', () => {
    expect(asImage(opened(image, openPath))).toBe(wrong);
    expect(asImage(opened(image, constants.O_WRONLY))).toBe(wrong);
    expect(asImage(opened(folder, constants.O_RDONLY))).toBe(wrong);
    expect(asImage(opened('/dev/null', constants.O_RDONLY))).toBe(wrong);
    const [one, other] = native.socketPair(4096).map((fd) => new Descriptor(fd));
    expect(one === undefined ? '' : asImage(one)).toBe(wrong);
    other?.close();
  });

  it('as a user namespace where it is another namespace, a file, a process', () => {
    expect(asNamespace(opened('/proc/self/ns/mnt', constants.O_RDONLY))).toBe(wrong);
    expect(asNamespace(opened('/proc/self/ns/user', openPath))).toBe(wrong);
    expect(asNamespace(readable())).toBe(wrong);
    expect(asNamespace(new Descriptor(native.pidfdOpen(process.pid)))).toBe(wrong);
  });

  it('as a network namespace where it is another, and as a tap where it is another device', () => {
    const peer = { uid: 0, gid: 0, pid: process.pid };
    const add = encodeFrame('interface.add', { request: 1, peer, kind: 'veth', inner: null });
    const asNetwork = (descriptor: Descriptor) => faultOf('allocator', 'gateway', add, [userNamespace(), descriptor]);
    expect(asNetwork(opened('/proc/self/ns/net', constants.O_RDONLY))).toBe(null);
    expect(asNetwork(opened('/proc/self/ns/mnt', constants.O_RDONLY))).toBe(wrong);
    expect(asNetwork(opened('/proc/self/ns/net', openPath))).toBe(wrong);
    const made = encodeFrame('interface.made', { request: 1, name: 'ns-1', inner: null });
    const asTap = (descriptor: Descriptor) => faultOf('gateway', 'network', made, [descriptor]);
    if (existsSync('/dev/net/tun')) expect(asTap(opened('/dev/net/tun', constants.O_RDWR))).toBe(null);
    for (const path of ['/dev/null', '/dev/zero']) expect(asTap(opened(path, constants.O_RDWR)), path).toBe(wrong);
    expect(asTap(readable())).toBe(wrong);
  });

  it('as a mount where it is a folder below the root of its mount, or a file', () => {
    const payload = {
      request: 1,
      mounted: {
        image: { singleFileSystem: true, imagePolicy: '', imageSize: 1, sectorSize: 512, imageName: null, imageUuid: null },
        partitions: [
          {
            designator: 'root',
            number: null,
            architecture: null,
            uuid: null,
            label: null,
            fileSystem: 'erofs',
            size: 1,
            offset: 0,
            writable: false,
            grown: false,
            noSuid: true,
            noExec: false,
            noSymlinks: false,
            mountPoints: ['/'],
          },
        ],
      },
    };
    const mounted = encodeFrame('image.mounted', payload);
    expect(faultOf('gateway', 'lsm', mounted, [opened(folder, constants.O_RDONLY)])).toBe(wrong);
    expect(faultOf('gateway', 'lsm', mounted, [readable()])).toBe(wrong);
    expect(faultOf('gateway', 'lsm', mounted, [opened('/proc', constants.O_RDONLY)])).toBe(null);
  });

  it('as a listener where nobody can connect to it, and as a connection where one can', () => {
    const listener = new Descriptor(native.listen(join(folder, 'socket'), 0o600, 1));
    const [one, other] = native.socketPair(4096).map((fd) => new Descriptor(fd));
    if (one === undefined || other === undefined) throw new Error('no pair');
    expect(faultOf('gateway', 'parent', encodeFrame('mesh.listen', {}), [listener.duplicate()])).toBe(null);
    expect(faultOf('gateway', 'parent', encodeFrame('mesh.listen', {}), [one])).toBe(wrong);
    const wire = encodeFrame('mesh.wire', { peer: 'lsm', generation: 1 });
    expect(faultOf('gateway', 'parent', wire, [listener])).toBe(wrong);
    expect(faultOf('gateway', 'parent', wire, [other])).toBe(null);
  });
});
