/*
 * First line: where a path is known, and with it the mount. Nothing is created in or given away to a file system that outlives its
 * owner, except through a mount that was handed out for it.
 */
#pragma once

#include "cgroups.h"
#include "idmaps.h"

static __always_inline int check_path(const struct path *path)
{
	struct vfsmount *mount = path->mnt;

	return may_create(mount->mnt_sb, idmap_of(mount)) ? 0 : deny();
}

/* also bind(2) of a socket, and open(2) with O_CREAT */
SEC("lsm/path_mknod")
int BPF_PROG(path_mknod, const struct path *dir)
{
	return check_path(dir);
}

SEC("lsm/path_mkdir")
int BPF_PROG(path_mkdir, const struct path *dir)
{
	return is_own_cgroup(dir->dentry->d_inode) ? 0 : check_path(dir);
}

SEC("lsm/path_symlink")
int BPF_PROG(path_symlink, const struct path *dir)
{
	return check_path(dir);
}

/* also an O_TMPFILE that gets its name, through whichever descriptor */
SEC("lsm/path_link")
int BPF_PROG(path_link, struct dentry *old_dentry, const struct path *new_dir)
{
	return check_path(new_dir);
}

/* A rename stores no owner, but one with RENAME_WHITEOUT leaves a device node behind. */
#define RENAME_WHITEOUT 4
SEC("lsm/path_rename")
int BPF_PROG(path_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry,
	     unsigned int flags)
{
	return flags & RENAME_WHITEOUT ? check_path(old_dir) : 0;
}

/* a mode can carry setuid; whose file it is does not matter, since nothing here can be the caller's but a control group */
SEC("lsm/path_chmod")
int BPF_PROG(path_chmod, const struct path *path)
{
	return is_own_cgroup(path->dentry->d_inode) ? 0 : check_path(path);
}

/* Argument numbers instead of names: small structures by value have no C type here that every kernel's BTF agrees with. */
SEC("lsm/path_chown")
int path_chown(unsigned long long *ctx)
{
	const struct path *path = (void *)ctx[0];
	struct vfsmount *mount = path->mnt;
	struct super_block *sb = mount->mnt_sb;
	struct inode *inode = path->dentry->d_inode;
	__u64 idmap = idmap_of(mount);

	if (!may_store(ctx[1], sb, idmap) && !may_give_to_user(inode, ctx[1]))
		return deny();
	if (!may_store(ctx[2], sb, idmap) && !may_give_to_group(inode, ctx[2]))
		return deny();
	return may_create(sb, idmap) || is_own_cgroup(inode) ? 0 : deny();
}

/* O_TMPFILE comes by no hook for creation; a new pseudo-terminal by none but that of opening the multiplexer. */
#define O_TMPFILE_BIT 020000000
#define PTMX ((5 << 20) | 2)
#define S_IFMT 0170000
SEC("lsm/file_open")
int BPF_PROG(file_open, struct file *file)
{
	if (file->f_flags & O_TMPFILE_BIT)
		return check_path(&file->f_path);
	if (file->f_inode->i_rdev == PTMX)
		return may_create(file->f_path.mnt->mnt_sb, 0) ? 0 : deny();
	return 0;
}
