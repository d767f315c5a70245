/** What dm-crypt is told, and the name by which mounts share a device. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type CryptSource,
  checkCryptTable,
  cryptDeviceName,
  cryptParameters,
  cryptSectors,
} from '../../services/mounter/sources/crypt-table.ts';
import { isOlder } from '../../services/mounter/sources/mapped-device.ts';

const source: CryptSource = {
  kind: 'crypt-device',
  descriptor: 0,
  offset: 16777216,
  size: 8192,
  sectorSize: 512,
  tweak: 0,
  key: new Uint8Array(64).fill(7),
};
const file = { device: 1n, inode: 2n };
const nameOf = (change: Partial<CryptSource>) => cryptDeviceName('p-', file, { ...source, ...change });

describe("a crypt device's table", () => {
  it('has the words of the kernel’s documentation, in their order, and the name of the key instead of the key', () => {
    expect(cryptSectors(source)).toBe(16);
    const key = { name: 'p-1', size: 64 };
    expect(cryptParameters(source, '/dev/loop1', key)).toBe('aes-xts-plain64 :64:logon:postern:p-1 0 /dev/loop1 0');
    expect(cryptParameters({ ...source, sectorSize: 4096, tweak: 8 }, '/dev/loop1', key)).toBe(
      'aes-xts-plain64 :64:logon:postern:p-1 8 /dev/loop1 0 1 sector_size:4096',
    );
  });

  it('is not made of what no volume has', () => {
    expect(() => checkCryptTable(source)).not.toThrow();
    const wrong: Partial<CryptSource>[] = [
      { key: new Uint8Array(48) },
      { key: new Uint8Array(0) },
      { sectorSize: 256 },
      { sectorSize: 8192 },
      { sectorSize: 1536, size: 1536 },
      { sectorSize: 4096, size: 512 },
      { size: 0 },
      { tweak: 0.5 },
    ];
    for (const change of wrong)
      expect(() => checkCryptTable({ ...source, ...change }), JSON.stringify(change)).toThrowError(
        expect.objectContaining({ code: 'INTERNAL' }),
      );
  });
});

describe("a crypt device's name", () => {
  it('is another for another file, part or key', () => {
    const all = [
      nameOf({}),
      nameOf({ offset: 1 }),
      nameOf({ size: 512 }),
      nameOf({ sectorSize: 1024 }),
      nameOf({ tweak: 1 }),
      nameOf({ key: new Uint8Array(32).fill(7) }),
      nameOf({ key: new Uint8Array(64).fill(8) }),
      cryptDeviceName('p-', { device: 1n, inode: 3n }, source),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('is the same for the same, whichever descriptor it came by, and has nothing of the key in it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), fc.nat(252), (bytes, descriptor) => {
        const key = new Uint8Array(bytes);
        const name = nameOf({ key, descriptor });
        expect(name).toBe(nameOf({ key }));
        expect(name).toMatch(/^p-[0-9a-f]{64}$/);
        expect(name).not.toContain(Buffer.from(key).toString('hex').slice(0, 16));
      }),
    );
  });
});

it('a kind of device is too old by its version, the first part first', () => {
  const since = [1, 18, 1];
  expect(
    [
      [1, 18, 1],
      [1, 18, 2],
      [1, 19, 0],
      [2, 0, 0],
    ].map((version) => isOlder(version, since)),
  ).not.toContain(true);
  expect(
    [
      [1, 18, 0],
      [1, 17, 9],
      [0, 99, 9],
    ].map((version) => isOlder(version, since)),
  ).not.toContain(false);
});
