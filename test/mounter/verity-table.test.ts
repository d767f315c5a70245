/** What dm-verity is told, and the name by which mounts share a device. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkVerityTable,
  type VeritySource,
  verityDeviceName,
  verityParameters,
  veritySectors,
} from '../../services/mounter/sources/verity-table.ts';

const source: VeritySource = {
  kind: 'verity-device',
  descriptor: 0,
  hashDescriptor: 1,
  dataOffset: 1048576,
  dataSize: 8192,
  hashOffset: 2097152,
  hashSize: 65536,
  rootHash: 'ab'.repeat(32),
  salt: 'cd',
  algorithm: 'sha256',
  dataBlockSize: 4096,
  hashBlockSize: 4096,
  signature: new Uint8Array([1, 2, 3]),
  trusted: true,
};
const file = { device: 1n, inode: 2n };
const nameOf = (change: Partial<VeritySource>) => verityDeviceName('p-', file, file, { ...source, ...change }, []);

describe("a verity device's table", () => {
  it('has the words of the kernel’s documentation, in their order', () => {
    expect(veritySectors(source)).toBe(16);
    expect(verityParameters(source, '/dev/loop1', '/dev/loop2', null)).toBe(
      `1 /dev/loop1 /dev/loop2 4096 4096 2 1 sha256 ${source.rootHash} cd`,
    );
    expect(verityParameters({ ...source, salt: '' }, 'a', 'b', 'key')).toMatch(/ - 2 root_hash_sig_key_desc key$/);
  });

  it('takes no word that could bring another along', () => {
    expect(() => checkVerityTable(source)).not.toThrow();
    const wrong: Partial<VeritySource>[] = [
      { algorithm: 'sha256 x' },
      { algorithm: 'md5' },
      { rootHash: '' },
      { rootHash: `${source.rootHash} 1 ignore_corruption` },
      { rootHash: source.rootHash.toUpperCase() },
      { salt: 'cd 1 ignore_zero_blocks' },
      { salt: 'c' },
      { dataBlockSize: 1000 },
      { hashBlockSize: 256 },
      { dataSize: 0 },
      { dataSize: 4097 },
    ];
    for (const change of wrong)
      expect(() => checkVerityTable({ ...source, ...change }), JSON.stringify(change)).toThrowError(
        expect.objectContaining({ code: 'INTERNAL' }),
      );
  });

  it('never has more or fewer than its words, whatever the texts', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (rootHash, salt, algorithm) => {
        const table = { ...source, rootHash, salt, algorithm };
        try {
          checkVerityTable(table);
        } catch {
          return;
        }
        expect(verityParameters(table, 'a', 'b', null).split(/\s+/)).toHaveLength(10);
      }),
    );
  });
});

describe("a verity device's name", () => {
  it('is short enough for the kernel, and the same for the same', () => {
    expect(nameOf({})).toBe(nameOf({ descriptor: 4, hashDescriptor: 5 }));
    expect(nameOf({}).length).toBeLessThan(128);
  });

  it('is another for another file, place, tree, signature or judge', () => {
    const others = [
      nameOf({ dataOffset: 0 }),
      nameOf({ rootHash: 'ac'.repeat(32) }),
      nameOf({ salt: '' }),
      nameOf({ signature: new Uint8Array([1, 2, 4]) }),
      nameOf({ signature: null }),
      nameOf({ trusted: false }),
      verityDeviceName('p-', { ...file, inode: 3n }, file, source, []),
      verityDeviceName('p-', file, { ...file, device: 3n }, source, []),
      verityDeviceName('p-', file, file, source, ['noacl']),
    ];
    expect(new Set([nameOf({}), ...others]).size).toBe(others.length + 1);
  });
});
