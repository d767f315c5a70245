/** What parsing hostile images and keeping checked copies needs: no capability at all. */
import { systemTrustFolders } from '../../image/certificates.ts';
import type { Privileges, ViewEntry } from '../../mesh/privileges.ts';
import { storeFolder } from './config.ts';

/** The part of the view that an operator's own folders of certificates take; `serve` adds it for each `--trust`. */
export function trustView(folders: readonly string[]): ViewEntry[] {
  return folders.map((source) => ({ source, access: 'read-only', why: 'certificates that the operator trusts' }));
}

export const privileges: Privileges = {
  service: 'verity',
  user: 'verity',
  capabilities: [],
  view: [
    { source: '$STATE/store', target: storeFolder, access: 'read-write', create: true, why: 'the checked copies that are mounted' },
    { source: '/proc', access: 'proc', why: 'an unnamed copy gets its name through /proc/self/fd, which needs no capability' },
    ...systemTrustFolders.map(
      (source): ViewEntry => ({ source, access: 'read-only', optional: true, why: 'certificates whose images are trusted' }),
    ),
  ],
  systemCalls: [
    { names: ['pread64', 'pwrite64', 'fstat', 'newfstatat', 'statx', 'statfs', 'fstatfs'], why: 'images and copies' },
    { names: ['openat', 'open', 'getdents64', 'unlink', 'unlinkat', 'linkat', 'rmdir'], why: 'the store, and folders of certificates' },
    {
      names: ['ftruncate', 'fchmod', 'fsync', 'fdatasync', 'utimensat', 'futimesat'],
      why: 'making a copy and telling when it was last used',
    },
    { names: ['fcntl'], why: 'F_SETLEASE: whether the kernel still has a copy open' },
    { names: ['getcwd'], why: 'a thread that tries a password asks where it is before anything else' },
    { names: ['ioctl'], why: 'BLKGETSIZE64 on an image that is a block device' },
  ],
  why: 'reads hostile bytes, decides whom to believe, and keeps copies that nobody else can write',
};
