/* Last line: the owner itself, just before it is stored, whichever way the call came. Here a mount is rarely known; the ID decides. */
#pragma once

#include "cgroups.h"
#include "idmaps.h"

/*
 * The file systems that call security_inode_init_security for each new inode. Its inode has its final owner, after any idmap, so they are
 * left to that hook. overlayfs stores in its upper layer, which is asked itself.
 */
static __always_inline bool asks_for_each_inode(unsigned long magic)
{
	return magic == 0xef53 /* ext */ || magic == 0x58465342 /* xfs */ || magic == 0x9123683e /* btrfs */ || magic == 0xf2f52010 /* f2fs */ ||
	       magic == 0x01021994 /* tmpfs */ || magic == 0x794c7630 /* overlayfs */;
}

SEC("fmod_ret/security_inode_init_security")
int BPF_PROG(init_inode, struct inode *inode)
{
	struct super_block *sb = inode->i_sb;

	return outlived_by(inode->i_uid.val, sb) || outlived_by(inode->i_gid.val, sb) ? deny() : 0;
}

/* All others, among them fuse, NFS and POSIX message queues: no transient ID creates there, through any mount. */
static __always_inline int check_folder(struct inode *dir)
{
	struct super_block *sb = dir->i_sb;

	return asks_for_each_inode(sb->s_magic) || may_create(sb, 0) ? 0 : deny();
}

SEC("lsm/inode_create")
int BPF_PROG(inode_create, struct inode *dir)
{
	return check_folder(dir);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(inode_mkdir, struct inode *dir)
{
	return is_own_cgroup(dir) ? 0 : check_folder(dir);
}

SEC("lsm/inode_mknod")
int BPF_PROG(inode_mknod, struct inode *dir)
{
	return check_folder(dir);
}

SEC("lsm/inode_symlink")
int BPF_PROG(inode_symlink, struct inode *dir)
{
	return check_folder(dir);
}
