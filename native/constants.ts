/** Numbers of the kernel's interfaces that JavaScript has to name. Node's own (O_RDONLY and so on) are in `fs.constants`. */

/** fcntl.h; not in `fs.constants` */
export const openFlags = { O_PATH: 0o10000000, O_CLOEXEC: 0o2000000, O_TMPFILE: 0o20200000, O_ACCMODE: 0o3 } as const;

/** linux/mount.h: fsmount and mount_setattr */
export const mountAttributes = {
  MOUNT_ATTR_RDONLY: 0x1,
  MOUNT_ATTR_NOSUID: 0x2,
  MOUNT_ATTR_NODEV: 0x4,
  MOUNT_ATTR_NOEXEC: 0x8,
  MOUNT_ATTR_NOATIME: 0x10,
  MOUNT_ATTR_STRICTATIME: 0x20,
  MOUNT_ATTR_NODIRATIME: 0x80,
  MOUNT_ATTR_IDMAP: 0x100000,
  MOUNT_ATTR_NOSYMFOLLOW: 0x200000,
} as const;

/** linux/mount.h and linux/fcntl.h: open_tree */
export const openTreeFlags = { OPEN_TREE_CLONE: 0x1, AT_RECURSIVE: 0x8000, AT_EMPTY_PATH: 0x1000, AT_SYMLINK_NOFOLLOW: 0x100 } as const;

/** linux/mount.h: umount2 */
export const unmountFlags = { MNT_FORCE: 0x1, MNT_DETACH: 0x2, MNT_EXPIRE: 0x4, UMOUNT_NOFOLLOW: 0x8 } as const;

/** linux/sched.h: kinds of namespace, as `describe` and `namespaceType` tell them */
export const namespaceTypes = {
  CLONE_NEWTIME: 0x80,
  CLONE_NEWNS: 0x20000,
  CLONE_NEWCGROUP: 0x2000000,
  CLONE_NEWUTS: 0x4000000,
  CLONE_NEWIPC: 0x8000000,
  CLONE_NEWUSER: 0x10000000,
  CLONE_NEWPID: 0x20000000,
  CLONE_NEWNET: 0x40000000,
} as const;

/** linux/magic.h: f_type of statfs, as `describe` tells it */
export const fileSystemMagics = {
  TMPFS_MAGIC: 0x01021994,
  PROC_SUPER_MAGIC: 0x9fa0,
  SYSFS_MAGIC: 0x62656572,
  NSFS_MAGIC: 0x6e736673,
  EROFS_SUPER_MAGIC_V1: 0xe0f5e1e2,
  SQUASHFS_MAGIC: 0x73717368,
  EXT4_SUPER_MAGIC: 0xef53,
  XFS_SUPER_MAGIC: 0x58465342,
  BTRFS_SUPER_MAGIC: 0x9123683e,
  F2FS_SUPER_MAGIC: 0xf2f52010,
  OVERLAYFS_SUPER_MAGIC: 0x794c7630,
  FUSE_SUPER_MAGIC: 0x65735546,
  CGROUP2_SUPER_MAGIC: 0x63677270,
} as const;

/** linux/if_tun.h: TUNSETIFF. IFF_TUN_EXCL refuses a name that is taken already */
export const tunFlags = { IFF_TUN: 0x1, IFF_TAP: 0x2, IFF_NO_PI: 0x1000, IFF_VNET_HDR: 0x4000, IFF_TUN_EXCL: 0x8000 } as const;

/** glibc's makedev(3), as `describe` tells st_dev and st_rdev */
export function deviceNumber(major: number, minor: number): bigint {
  const [a, b] = [BigInt(major), BigInt(minor)];
  return ((a & ~0xfffn) << 32n) | ((a & 0xfffn) << 8n) | ((b & ~0xffn) << 12n) | (b & 0xffn);
}

/** linux/major.h and linux/miscdevice.h: /dev/net/tun */
export const tunDevice = deviceNumber(10, 200);
