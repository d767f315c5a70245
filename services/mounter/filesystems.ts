/** The file systems that are mounted: what each is mounted from, what makes it safe, and which options a plan may ask for. Pure. */

export interface FileSystem {
  /** the kernel can mount it from a regular file, without a block device (erofs from 6.12 on) */
  readonly fromFile: boolean;
  /** always set */
  readonly always: readonly string[];
  /** set on a read-only mount: nothing is replayed, nothing is written, whatever the journal says */
  readonly whenReadOnly: readonly string[];
  /** may be asked for, on any mount */
  readonly optional: readonly string[];
  /** may be asked for where the mount is writable */
  readonly optionalWhenWritable: readonly string[];
  /** the kernel can make it larger while it is mounted */
  readonly grows: boolean;
}

/**
 * No option here names another file or device, changes who owns what, or decides what the host does about a broken image.
 * Verity has checked options already; a verity that was taken over must not get further than this list either.
 */
const fileSystems: ReadonlyMap<string, FileSystem> = new Map([
  [
    'erofs',
    {
      fromFile: true,
      always: [],
      whenReadOnly: [],
      optional: ['acl', 'noacl', 'user_xattr', 'nouser_xattr', 'cache_strategy'],
      optionalWhenWritable: [],
      grows: false,
    },
  ],
  ['squashfs', { fromFile: false, always: [], whenReadOnly: [], optional: ['threads'], optionalWhenWritable: [], grows: false }],
  [
    'ext4',
    {
      fromFile: false,
      // the image's own superblock may say errors=panic, which would be obeyed
      always: ['errors=remount-ro'],
      whenReadOnly: ['noload'],
      optional: ['acl', 'noacl', 'user_xattr', 'nouser_xattr'],
      optionalWhenWritable: ['discard', 'nodiscard', 'commit', 'auto_da_alloc', 'noauto_da_alloc'],
      grows: true,
    },
  ],
  [
    'xfs',
    {
      fromFile: false,
      // two images made from one template have the same UUID
      always: ['nouuid'],
      whenReadOnly: ['norecovery'],
      optional: ['inode64', 'inode32', 'largeio', 'nolargeio'],
      optionalWhenWritable: ['discard', 'nodiscard', 'allocsize'],
      grows: true,
    },
  ],
  [
    'btrfs',
    {
      fromFile: false,
      always: [],
      whenReadOnly: ['rescue=nologreplay'],
      optional: ['acl', 'noacl', 'subvol', 'subvolid'],
      optionalWhenWritable: ['compress', 'compress-force', 'discard', 'nodiscard', 'ssd', 'nossd', 'datacow', 'nodatacow'],
      grows: true,
    },
  ],
  [
    'f2fs',
    {
      fromFile: false,
      always: [],
      whenReadOnly: ['norecovery'],
      optional: ['acl', 'noacl', 'user_xattr', 'nouser_xattr'],
      optionalWhenWritable: ['discard', 'nodiscard'],
      grows: false,
    },
  ],
  [
    'vfat',
    {
      fromFile: false,
      always: ['errors=remount-ro'],
      whenReadOnly: [],
      // of modes that FAT has not itself, whoever they are asked by
      optional: ['fmask', 'dmask', 'umask'],
      optionalWhenWritable: ['discard'],
      grows: false,
    },
  ],
]);

/** The file system of a name, if it is one that is mounted. */
export function fileSystem(name: string): FileSystem | undefined {
  return fileSystems.get(name);
}

/** An option as fsconfig takes it: a flag, or a key with a value. */
export interface MountOption {
  readonly key: string;
  readonly value: string | null;
}

/** Cuts `key=value` at the first equals sign. */
export function parseOption(text: string): MountOption {
  const at = text.indexOf('=');
  return at < 0 ? { key: text, value: null } : { key: text.slice(0, at), value: text.slice(at + 1) };
}

/** True for an option that may be asked for on such a mount. */
export function mayBeSet(of: FileSystem, option: MountOption, writable: boolean): boolean {
  return of.optional.includes(option.key) || (writable && of.optionalWhenWritable.includes(option.key));
}
