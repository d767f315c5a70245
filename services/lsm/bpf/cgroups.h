/*
 * Control groups. Their file system outlives every range, so nothing is stored there but below what the allocator gave to a range, which it
 * takes back before anybody else gets that range. What is made or passed on has an ID of the very range that its folder, or it itself, has
 * already; so, by induction, all that a range owns lies below what it was given. The range counts and not its holder, who may pass ranges on.
 */
#pragma once

#include "holders.h"

#define CGROUP2_MAGIC 0x63677270

/*
 * The allocator's main thread, which alone may give: a mark in its task, so that it ends with it. It is set by the lsm service, by pidfd.
 */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u32);
} givers SEC(".maps");

/* An ID of no range, or of the one that `present` is of. */
static __always_inline bool stays_in_range(__u32 id, __u32 present)
{
	return !is_transient(id) || range_of(id) == range_of(present);
}

/* Would what the caller leaves below this owner be of the same range? */
static __always_inline bool callers_stay_in_range(__u32 uid, __u32 gid)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return stays_in_range(task->cred->fsuid.val, uid) && stays_in_range(task->cred->fsgid.val, gid);
}

/* A name's inode may be missing, as far as a 7.x kernel's verifier can tell. */
static __always_inline bool is_cgroup(struct inode *inode)
{
	return inode && inode->i_sb->s_magic == CGROUP2_MAGIC;
}

static __always_inline bool is_own_cgroup(struct inode *inode)
{
	return is_cgroup(inode) && callers_stay_in_range(inode->i_uid.val, inode->i_gid.val);
}

static __always_inline bool is_giver(void)
{
	return bpf_task_storage_get(&givers, bpf_get_current_task_btf(), 0, 0);
}

/* May a control group of its present owner go to this one? */
static __always_inline bool may_give_to_user(struct inode *inode, __u32 id)
{
	return is_cgroup(inode) && (stays_in_range(id, inode->i_uid.val) || is_giver());
}

static __always_inline bool may_give_to_group(struct inode *inode, __u32 id)
{
	return is_cgroup(inode) && (stays_in_range(id, inode->i_gid.val) || is_giver());
}

/* Of all kernfs the control groups alone have this. */
#define ROOT_HAS_USER_XATTRS 8

/*
 * The last line, without an inode: a controller's files, too, come to belong to whoever writes its name into cgroup.subtree_control, through
 * whichever descriptor.
 */
SEC("lsm/kernfs_init_security")
int BPF_PROG(cgroup_node, struct kernfs_node *folder)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!holder_of_id(task->cred->fsuid.val) && !holder_of_id(task->cred->fsgid.val))
		return 0;
	if (!(folder->dir.root->flags & ROOT_HAS_USER_XATTRS))
		return 0;
	/* absent where all is root's */
	struct kernfs_iattrs *owner = folder->iattr;
	__u32 uid = owner ? owner->ia_uid.val : 0;
	__u32 gid = owner ? owner->ia_gid.val : 0;

	return callers_stay_in_range(uid, gid) ? 0 : deny();
}
