/*
 * The few kernel structures that the policy reads. Only the fields that it reads are here: each access is relocated at load time against the
 * running kernel's own BTF, so one object fits every kernel, and no header of one particular kernel is needed to build it.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	__u32 val;
} kuid_t;
typedef struct {
	__u32 val;
} kgid_t;

struct ns_common {
	__u32 inum;
};
struct uid_gid_extent {
	__u32 first;
	__u32 lower_first;
	__u32 count;
};
struct uid_gid_map {
	__u32 nr_extents;
	struct uid_gid_extent extent[5];
	struct uid_gid_extent *forward;
};
struct user_namespace {
	struct uid_gid_map uid_map;
	struct user_namespace *parent;
	int level;
	struct ns_common ns;
};
struct cred {
	kgid_t egid;
	kuid_t euid;
	kuid_t fsuid;
	kgid_t fsgid;
	struct user_namespace *user_ns;
};
struct ipc_namespace {
	struct user_namespace *user_ns;
};
struct nsproxy {
	struct ipc_namespace *ipc_ns;
};
struct task_struct {
	const struct cred *real_cred;
	const struct cred *cred;
	struct nsproxy *nsproxy;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct user_namespace *s_user_ns;
};
struct inode {
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	__u32 i_rdev;
};
struct dentry {
	struct super_block *d_sb;
	struct inode *d_inode;
};
struct kernfs_root {
	unsigned int flags;
};
struct kernfs_elem_dir {
	struct kernfs_root *root;
};
struct kernfs_iattrs {
	kuid_t ia_uid;
	kgid_t ia_gid;
};
struct kernfs_node {
	union {
		struct kernfs_elem_dir dir;
	};
	struct kernfs_iattrs *iattr;
};
struct mnt_idmap {
	struct uid_gid_map uid_map;
};
/* 6.2 to 6.8: an idmap is no more than its owner */
struct mnt_idmap___owner {
	struct user_namespace *owner;
};
struct vfsmount {
	struct super_block *mnt_sb;
	struct mnt_idmap *mnt_idmap;
};
/* before 6.2 the namespace itself stands for the idmap */
struct vfsmount___userns {
	struct user_namespace *mnt_userns;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	unsigned int f_flags;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
};
struct iattr {
	unsigned int ia_valid;
	kuid_t ia_uid;
	kgid_t ia_gid;
};
struct posix_acl_entry {
	short e_tag;
	kuid_t e_uid;
};
struct posix_acl {
	unsigned int a_count;
	struct posix_acl_entry a_entries[];
};
struct key {
	kuid_t uid;
};
struct seq_file {
	void *private;
};
struct bpf_iter_meta {
	struct seq_file *seq;
};
struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};
/* two of this name: the attribute must not reach the tag, which is only ever pointed to */
struct kern_ipc_perm;
struct qstr;

#pragma clang attribute pop

#define EPERM 1
