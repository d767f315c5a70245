/** Options that callers ask for: what they come to, and that nothing that gives more gets through, whatever the text. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PosternError } from '../../mesh/errors.ts';
import { parseMountOptions } from '../../services/verity/mount-options.ts';

const parse = (text: string) => parseMountOptions({ root: text }).get('root');
const nothing = { noSuid: false, noExec: false, noSymlinks: false, fileSystem: [] };

describe('mount options', () => {
  it('take something away from a mount', () => {
    expect(parse('nosuid,noexec,nosymfollow')).toEqual({ noSuid: true, noExec: true, noSymlinks: true, fileSystem: [] });
  });

  it('may say what is so anyway', () => {
    expect(parse('ro,nodev,defaults, noatime,,norecovery')).toEqual(nothing);
  });

  it('of the file system go to the mounter, as they are', () => {
    expect(parse('nosuid,noacl,cache_strategy=disabled,subvol=a/b')).toEqual({
      ...nothing,
      noSuid: true,
      fileSystem: ['noacl', 'cache_strategy=disabled', 'subvol=a/b'],
    });
  });

  it.each(['rw', 'suid', 'dev', 'exec', 'symfollow', 'remount', 'a b', 'a=', '=a', 'a=\u0000', `a=${'x'.repeat(100)}`])(
    '%j is refused by name',
    (option) => {
      expect(() => parse(`nosuid,${option}`)).toThrowError(expect.objectContaining({ code: 'MOUNT_OPTION', parameter: 'mountOptions' }));
    },
  );

  it('are for a partition by either spelling of its name', () => {
    expect([...parseMountOptions({ root_verity: '', 'usr-verity': '' }).keys()]).toEqual(['root-verity', 'usr-verity']);
    expect(() => parseMountOptions({ __proto__x: '' })).toThrowError(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
  });

  it('of any text are parsed or refused by name, and give no option that the plan has no room for', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.constantFrom('nosuid', 'a=b', 'rw', ' ', 'x'.repeat(140))).map((words) => words.join(',')),
        ),
        (text) => {
          try {
            for (const option of parse(text)?.fileSystem ?? []) expect(option.length).toBeLessThanOrEqual(128);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(PosternError);
            expect(thrown).toMatchObject({ code: 'MOUNT_OPTION' });
          }
        },
      ),
    );
  });
});
