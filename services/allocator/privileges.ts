/** What giving out ranges needs. */
import type { Privileges, ViewEntry } from '../../mesh/privileges.ts';

/** Where the allocator sees the i-th of the directories whose images are trusted. */
export const trustedDirectory = (index: number) => `/trusted/${index}`;

/** The part of the view that they take; `serve` adds it. */
export function trustedView(directories: readonly string[]): ViewEntry[] {
  return directories.map((source, index) => ({
    source,
    target: trustedDirectory(index),
    access: 'read-only',
    why: 'whether an image lies in a directory that the operator trusts',
  }));
}

export const privileges: Privileges = {
  service: 'allocator',
  user: 'root',
  capabilities: [
    { capability: 'SETUID', why: "the kernel takes a uid_map from whoever has it over the namespace's parent" },
    { capability: 'SETGID', why: 'the same for a gid_map' },
    { capability: 'SYS_ADMIN', why: 'setns into a namespace that somebody else made, and opening a namespace by its handle' },
    {
      capability: 'SYS_PTRACE',
      why: 'seeing which user and mount namespace the caller runs in (PIDFD_GET_USER_NAMESPACE); ptrace itself stays forbidden by seccomp',
    },
    {
      capability: 'DAC_READ_SEARCH',
      why: "who owns the directories above a caller's, and what lies in a trusted one: either may be closed to all but its owner",
    },
    { capability: 'CHOWN', why: 'a directory that was made for a caller goes to the foreign range' },
  ],
  view: [
    { source: '/proc', access: 'proc', why: 'the map files of the helper, and the name of this boot' },
    { source: '$STATE/ranges', target: '/state', access: 'read-write', create: true, why: 'the registry of who holds which range' },
  ],
  systemCalls: [
    { names: ['fdatasync', 'ftruncate'], why: 'the journal: durable where it must be, cut back where the disk is full' },
    { names: ['openat', 'rename', 'fsync', 'unlink'], why: 'a shorter journal takes the place of the long one' },
    {
      names: ['mkdirat', 'fchmod', 'fchown', 'renameat2', 'unlinkat', 'setfsuid', 'setfsgid'],
      why: "a directory in a caller's own, made as its owner would make it",
    },
    { names: ['name_to_handle_at', 'open_by_handle_at'], why: 'whether a namespace still is, without holding it' },
    { names: ['socketpair', 'setsockopt'], why: 'each question to the namespace helper brings the socket for its answer' },
    { names: ['readlink', 'readlinkat'], why: 'what the image is called, for the reply' },
    { names: ['pidfd_open'], why: 'our own user namespace, where a kernel before 6.18 wants a file of nsfs with a handle' },
    {
      names: ['pidfd_send_signal'],
      why: 'whether the caller still is, where a kernel before 6.11 tells its namespace by /proc only; no signal is sent',
    },
  ],
  why: 'writes the ID maps of user namespaces that their owners pass in, and keeps the books about it',
};
