/** A wrong argument is a TypeError before anything is done; nothing that JavaScript can pass crashes the process. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRoot, leaked, untyped } from './parts/native.ts';

/** A good argument for each parameter of each function; descriptors are one that is never open. */
const fd = 0x7fff_0000;
const some = new Uint8Array([1]);
const none = () => undefined;
const loop = { readOnly: true, autoclear: true, directIo: false, offset: 0, sizeLimit: 0, blockSize: 512 };
const maps = { uid: [{ inside: 0, outside: 1, length: 1 }], gid: [{ inside: 0, outside: 1, length: 1 }] };
const verity = { algorithm: 'sha256', salt: some, blockSize: 1 };
const parameters: Record<string, readonly unknown[]> = {
  close: [fd],
  duplicate: [fd],
  describe: [fd],
  isOpenElsewhere: [fd],
  linkDescriptor: [fd, fd, 'name'],
  cloneRange: [fd, 0, 0, fd, 0],
  setCloseOnExec: [fd, true],
  socketPair: [1],
  listen: ['', 0, 1],
  connect: [''],
  accept: [fd],
  peerCredentials: [fd],
  peerProcess: [fd],
  socketCookie: [fd],
  send: [fd, some, [fd]],
  receive: [fd, some, 1],
  sendDatagram: ['/nowhere/socket', some, [fd]],
  shutdownWrite: [fd],
  poll: [fd, none],
  namespaceType: [fd],
  namespaceOwner: [fd],
  namespaceParent: [fd],
  namespaceId: [fd],
  namespaceHandle: [fd],
  openNamespace: [some],
  namespaceUser: [fd],
  processMountNamespace: [fd, 1],
  ownersAbove: [fd, 1],
  makeDirectory: [fd, 'name', 'work', 0, 0],
  openControlGroup: [fd, 1],
  giveControlGroup: [fd, 0],
  takeBackControlGroup: [fd],
  pidfdOpen: [0x7fff_fff0],
  fsopen: ['no such file system'],
  fsconfigString: [fd, 'key', 'value'],
  fsconfigFlag: [fd, 'key'],
  fsconfigCreate: [fd],
  fsMessages: [fd],
  fsmount: [fd, 0],
  openTree: [fd, 'path', 0],
  mountSetattr: [fd, 0, 0, fd, false],
  moveMount: [fd, '/nowhere'],
  growFileSystem: [fd, 'ext4', 0],
  unmount: ['/nowhere', 0],
  loopGetFree: [fd],
  loopConfigure: [fd, fd, loop],
  loopClear: [fd],
  dmTargetVersion: [fd, 'target'],
  dmCreate: [fd, 'name'],
  dmLoad: [fd, 'name', 1, 'target', 'parameters', true],
  dmResume: [fd, 'name'],
  dmStatus: [fd, 'name'],
  dmRemove: [fd, 'name'],
  dmNames: [fd],
  sealDigest: [fd],
  sealSignature: [fd],
  addThreadKey: ['user', 'description', some],
  unlinkThreadKey: [0x7fff_fff0],
  spawnHelper: ['/nowhere/helper'],
  helperWriteMaps: [fd, fd, maps, false],
  helperReadMaps: [fd, fd],
  helperLockMounts: [fd, [fd]],
  helperMakeNamespace: [fd, maps],
  helperCloneDirectory: [fd, fd, fd, 0],
  tunSetInterface: [fd, 'name', 0],
  tunSetOwner: [fd, 0],
  pkcs7Verify: [some, some, ['certificate']],
  pkcs7Sign: [some, 'key', 'certificate'],
  hashBlocks: [some, verity],
  reap: [0x7fff_fff0],
};

/** Values of every kind that a parameter might get by mistake. */
const wrongFor = (good: unknown): unknown[] =>
  [undefined, Symbol('x'), {}, [], 'text', 1.5, -1, Number.NaN, 2 ** 40, 10n ** 30n, true, none, new Float64Array(1)].filter((value) => {
    if (typeof value === typeof good && typeof good !== 'number' && typeof good !== 'object') return false;
    return !(Array.isArray(good) && Array.isArray(value));
  });

function thrownBy(call: () => unknown): unknown {
  try {
    call();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

describe('each function', () => {
  for (const [name, good] of Object.entries(parameters)) {
    it(`${name} refuses a wrong type at any place with a TypeError`, async () => {
      const call = untyped[name];
      if (call === undefined) throw new Error('the table lacks it');
      expect(
        await leaked(() => {
          for (const [place, value] of good.entries()) {
            for (const wrong of wrongFor(value)) {
              // a large or negative number may be a good one where no descriptor is meant
              if (typeof value === 'number' && value !== fd && typeof wrong === 'number' && Number.isInteger(wrong)) continue;
              if (value === verity || value === loop || value === maps) if (Array.isArray(wrong)) continue;
              const args = good.with(place, wrong);
              expect(
                thrownBy(() => call(...args)),
                `${name}(${place}: ${String(wrong)})`,
              ).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
            }
          }
        }),
      ).toBe(0);
    });

    it(`${name} refuses to be called without its arguments`, () => {
      expect(thrownBy(() => untyped[name]?.())).toBeInstanceOf(TypeError);
    });
  }

  it('tells a getter’s own error, and does nothing', () => {
    const hostile = {
      get uid() {
        throw new RangeError('mine');
      },
    };
    expect(thrownBy(() => untyped.helperWriteMaps?.(fd, fd, hostile, false))).toBeInstanceOf(RangeError);
  });

  it('takes no string with a NUL, which would end early for the kernel', () => {
    expect(thrownBy(() => untyped.connect?.('/run/a\0b'))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
  });

  it('survives anything at all', () => {
    const harmless = Object.keys(parameters).filter(
      (name) => !['close', 'unmount', 'moveMount', 'reap', 'spawnHelper', 'listen', 'addThreadKey'].includes(name),
    );
    const value = fc.oneof(
      fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true }),
      fc.constant(fd),
      fc.uint8Array({ maxLength: 64 }),
      fc.constantFrom(loop, maps, verity),
    );
    fc.assert(
      fc.property(fc.constantFrom(...harmless), fc.array(value, { maxLength: 5 }), (name, args) => {
        // Small integers are descriptors of this process; they are not for playing with.
        const safe = args.map((arg) => (typeof arg === 'number' && arg >= 0 && arg < 1 << 20 ? fd : arg));
        const thrown = thrownBy(() => {
          const result = untyped[name]?.(...safe);
          if (result instanceof Promise) result.catch(none);
          if (Array.isArray(result) && name === 'socketPair') for (const each of result) untyped.close?.(each);
        });
        return thrown === undefined || thrown instanceof Error;
      }),
      { numRuns: 3000 },
    );
  });

  it.skipIf(!isRoot)('is in the tests’ table', () => {
    const tested = new Set([...Object.keys(parameters), 'abi']);
    const untestable = ['ownUserNamespace', 'routeSocket', 'hideFromTracers', 'tryBpfLsm'];
    const elsewhere = Object.keys(untyped).filter((name) => !tested.has(name) && !untestable.includes(name));
    // functions of others' rooms, and those that change this process
    expect(elsewhere.filter((name) => !['seccompAllow', 'execute', 'peek', 'unreadByPeer', 'lock', 'loopStatus'].includes(name))).toEqual(
      [],
    );
  });
});
