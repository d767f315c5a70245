/** What making a mount for somebody else needs, and nothing more. Each entry was found by leaving it out. */
import type { Privileges } from '../../mesh/privileges.ts';

export const privileges: Privileges = {
  service: 'mounter',
  user: 'root',
  capabilities: [
    { capability: 'SYS_ADMIN', why: 'fsopen, fsmount, mount_setattr with an ID map; the helper joins the client’s user namespace' },
    {
      capability: 'SYS_RESOURCE',
      optional: true,
      why: 'growing a mounted ext4: its kernel code asks for it, since it may use what is reserved',
    },
    { capability: 'SYS_CHROOT', why: 'the helper joins the mount namespace of a directory that is to be mounted: setns asks for it' },
  ],
  view: [
    { source: '/dev', access: 'devices', why: 'loop-control and device mapper’s control, and devices as they come and go' },
    { source: '/proc', access: 'proc', why: '/proc/self/fd: a file system is mounted from an open file, not from a name' },
  ],
  systemCalls: [
    { names: ['fsopen', 'fsconfig', 'fsmount', 'mount_setattr'], why: 'a superblock, its mount, its ID map' },
    { names: ['openat'], why: 'loop-control, and loop devices as they come and go' },
    { names: ['add_key', 'keyctl'], why: 'a signature for dm-verity comes as a key of the thread that asks' },
    { names: ['socketpair', 'setsockopt'], why: 'each question to a namespace helper brings the socket for its answer' },
  ],
  why: 'mounts what verity approved, and directories that the allocator found to belong to their callers, for the namespace of the request',
};
