/** What leaves the house of the kernel's words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelWords } from '../../services/mounter/refusal.ts';

const error = Object.assign(new Error('no'), { code: 'EINVAL', errno: -22, syscall: 'fsconfig' });

describe('the words of a refusal', () => {
  it('name the partition, the system call, its error, and what the file system said', () => {
    expect(kernelWords('usr (erofs)', error, ['e erofs: cannot find valid erofs superblock'])).toBe(
      'usr (erofs): fsconfig failed with EINVAL, the kernel says: erofs: cannot find valid erofs superblock',
    );
  });

  it('say nothing of what the kernel did not say', () => {
    expect(kernelWords('root (xfs)', error, [])).toBe('root (xfs): fsconfig failed with EINVAL');
  });

  it('never hold a path of the host', () => {
    const path = fc.stringMatching(/^(\/[a-z0-9._-]{1,12}){1,5}$/);
    const around = fc.constantFrom('', ' ', '"', "'", '(', ': ', '=');
    fc.assert(
      fc.property(path, around, (host, before) => {
        expect(kernelWords('root (btrfs)', error, [`e ${before}${host}: Can't lookup blockdev`])).not.toContain(host);
      }),
    );
  });

  it('are short and printable, whatever an image made the kernel say', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 2000 }), { maxLength: 5 }), (messages) => {
        const words = kernelWords('root (ext4)', error, messages);
        expect(words.length).toBeLessThanOrEqual(600);
        expect(words).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});
