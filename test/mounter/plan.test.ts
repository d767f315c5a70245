/** The mounter's own checks of a plan, whatever verity says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mountAttributes } from '../../services/mounter/job.ts';
import { describeMounted, prepare } from '../../services/mounter/plan.ts';
import { planFor, type Wanted } from './workbench.ts';

const one = (wanted: Partial<Wanted> = {}) => prepare(planFor([{ path: '', fileSystem: 'erofs', ...wanted }]), 1)[0];

describe('a plan', () => {
  it('gives every mount nodev, whatever it says', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.boolean(), fc.boolean(), (writable, noSuid, noExec) => {
        const attributes = one({ fileSystem: 'ext4', writable, noSuid, noExec })?.attributes ?? 0;
        expect(attributes & mountAttributes.noDevices).not.toBe(0);
        expect((attributes & mountAttributes.readOnly) !== 0).toBe(!writable);
        expect((attributes & mountAttributes.noSuid) !== 0).toBe(noSuid);
        expect((attributes & mountAttributes.noExec) !== 0).toBe(noExec);
      }),
    );
  });

  it('is refused for a file system that is none of those that are mounted', () => {
    for (const fileSystem of ['msdos', 'proc', 'overlay', 'fuse', '', 'EROFS', '__proto__'])
      expect(() => one({ fileSystem })).toThrowError(expect.objectContaining({ code: 'FILE_SYSTEM_UNKNOWN' }));
  });

  it('may ask for no option that names another file, another owner, or what the host does about errors', () => {
    const reaching = ['source=/dev/sda', 'device=/dev/sda', 'journal_path=/dev/sda', 'logdev=/dev/sda', 'rtdev=/dev/sda', 'usrjquota=x'];
    const overriding = ['errors=panic', 'fatal_errors=panic', 'rw', 'uid=0', 'nouuid=', 'grpid', 'dax=always', 'test_dummy_encryption'];
    for (const option of [...reaching, ...overriding]) {
      for (const fileSystem of ['erofs', 'squashfs', 'ext4', 'xfs', 'btrfs', 'f2fs', 'vfat'])
        for (const where of ['options', 'asked'])
          expect(() => one({ fileSystem, [where]: [option] }), option).toThrowError(expect.objectContaining({ code: 'MOUNT_OPTION' }));
    }
  });

  it('may ask for no writing option on a read-only mount', () => {
    expect(() => one({ fileSystem: 'ext4', options: ['discard'] })).toThrowError(expect.objectContaining({ code: 'MOUNT_OPTION' }));
    expect(one({ fileSystem: 'ext4', options: ['discard'], writable: true })?.options).toContainEqual({ key: 'discard', value: null });
  });

  it('may ask for no option of a caller’s own on a writable mount, which has one superblock for all', () => {
    expect(() => one({ fileSystem: 'ext4', asked: ['noacl'], writable: true })).toThrowError(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('has what is encrypted fill its volume, which is smaller than its partition', () => {
    const plan = planFor([{ path: '', fileSystem: 'ext4', writable: true, grow: true, size: 32 * 1024 * 1024 }]);
    const volume = { offset: 16 * 1024 * 1024, size: 16 * 1024 * 1024, sectorSize: 512, tweak: 0, key: new Uint8Array(64) };
    const partitions = plan.partitions.map((partition) => ({
      ...partition,
      source: { kind: 'crypt-device', descriptor: 0, ...volume } as const,
    }));
    expect(prepare({ ...plan, partitions }, 1)[0]).toMatchObject({ writable: true, growTo: volume.size });
    const asked = partitions.map((partition) => ({ ...partition, asked: ['noacl'] }));
    expect(() => prepare({ ...plan, partitions: asked }, 1)).toThrowError(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('puts what must hold after what was asked for, so that it has the last word', () => {
    expect(one({ fileSystem: 'ext4', options: ['noacl'] })?.options).toEqual([
      { key: 'noacl', value: null },
      { key: 'errors', value: 'remount-ro' },
      { key: 'ro', value: null },
      { key: 'noload', value: null },
    ]);
  });

  it('is refused when a source points past the descriptors', () => {
    expect(() => prepare(planFor([{ path: '', fileSystem: 'erofs' }]), 0)).toThrowError(expect.objectContaining({ code: 'INTERNAL' }));
  });

  it('tells the client what was mounted, and not from what', () => {
    const [partition] = describeMounted(planFor([{ path: '', fileSystem: 'erofs', options: ['acl'] }]), [{ grown: true }]).partitions;
    expect(partition).toMatchObject({ designator: 'root', fileSystem: 'erofs', writable: false, grown: true });
    expect(partition).not.toHaveProperty('source');
    expect(partition).not.toHaveProperty('options');
  });
});
