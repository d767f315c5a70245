/* Owners, access control lists and capabilities that are given to an inode that is there already. */
#pragma once

#include "cgroups.h"
#include "idmaps.h"

/* Before 6.2 the hook for attributes hears of no idmap; the function that calls it is heard first and leaves it here. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} noted_idmap SEC(".maps");

SEC("fentry/notify_change")
int BPF_PROG(note_idmap, struct user_namespace *mnt_userns)
{
	if (bpf_core_type_exists(struct mnt_idmap))
		return 0;
	__u64 *noted = bpf_task_storage_get(&noted_idmap, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (noted)
		*noted = number_of_userns(mnt_userns);
	return 0;
}

#define ATTR_UID 2
#define ATTR_GID 4

static __always_inline int check_owners(struct dentry *dentry, struct iattr *attr, __u64 idmap)
{
	struct super_block *sb = dentry->d_sb;
	struct inode *inode = dentry->d_inode;
	__u32 uid = attr->ia_uid.val, gid = attr->ia_gid.val;

	if ((attr->ia_valid & ATTR_UID) && !may_store(uid, sb, idmap) && !may_give_to_user(inode, uid))
		return deny();
	if ((attr->ia_valid & ATTR_GID) && !may_store(gid, sb, idmap) && !may_give_to_group(inode, gid))
		return deny();
	return 0;
}

/* the argument in front came with 6.2 */
SEC("lsm/inode_setattr")
int set_owner(unsigned long long *ctx)
{
	if (bpf_core_type_exists(struct mnt_idmap))
		return check_owners((void *)ctx[1], (void *)ctx[2], number_of_idmap((void *)ctx[0]));
	__u64 *noted = bpf_task_storage_get(&noted_idmap, bpf_get_current_task_btf(), 0, 0);
	return check_owners((void *)ctx[0], (void *)ctx[1], noted ? *noted : 0);
}

#define ACL_USER 2
#define ACL_GROUP 8
/* as many as an extended attribute can hold */
#define MAX_ACL_ENTRIES 8192

struct acl_walk {
	__u64 entries;
	__u32 stride;
	__u32 tag_at;
	__u32 id_at;
	/* the one holder whose IDs the list names, so far */
	__u32 holder;
	__u32 refused;
};

static long check_acl_entry(__u32 index, struct acl_walk *walk)
{
	const char *entry = (const char *)(walk->entries + (__u64)index * walk->stride);
	__u16 tag = 0;
	__u32 id = 0;

	/* what can't be read is not vouched for */
	walk->refused = 1;
	if (bpf_probe_read_kernel(&tag, sizeof(tag), entry + walk->tag_at) || bpf_probe_read_kernel(&id, sizeof(id), entry + walk->id_at))
		return 1;
	__u32 holder = tag == ACL_USER || tag == ACL_GROUP ? holder_of_id(id) : 0;
	/* a list that names the IDs of two holders is more than anybody needs, and more than is told apart here */
	if (holder && walk->holder && holder != walk->holder)
		return 1;
	if (holder)
		walk->holder = holder;
	walk->refused = 0;
	return 0;
}

static __always_inline int check_acl(struct acl_walk *walk, __u32 entries, struct super_block *sb)
{
	if (entries > MAX_ACL_ENTRIES)
		return deny();
	bpf_loop(entries, check_acl_entry, walk, 0);
	if (walk->refused)
		return deny();
	if (!walk->holder || (sb->s_flags & SB_NOUSER) || lies_in(sb->s_user_ns, walk->holder))
		return 0;
	return deny();
}

/*
 * Entries have their final IDs here, after any idmap. `sizeof(struct posix_acl)` is not where they begin on every kernel: their offset
 * is relocated like any other.
 */
SEC("lsm/inode_set_acl")
int BPF_PROG(set_acl, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, struct posix_acl *acl)
{
	if (!acl)
		return 0;
	struct acl_walk walk = {
		.entries = argument(ctx, 3) + bpf_core_field_offset(struct posix_acl, a_entries),
		.stride = bpf_core_type_size(struct posix_acl_entry),
		.tag_at = bpf_core_field_offset(struct posix_acl_entry, e_tag),
		.id_at = bpf_core_field_offset(struct posix_acl_entry, e_uid),
	};
	return check_acl(&walk, acl->a_count, dentry->d_sb);
}

/* The same before 6.2, where a list is still bytes when the hook hears of it: a header of 4, then tag, permissions, ID. */
static __always_inline int check_acl_bytes(__u64 value, __u64 size, struct super_block *sb)
{
	struct acl_walk walk = { .entries = value + 4, .stride = 8, .tag_at = 0, .id_at = 4 };

	return size < 4 ? 0 : check_acl(&walk, (size - 4) / 8, sb);
}

/* vfs_cap_data of revision 3: the root of the namespace that the capability is for, as the file system will store it */
#define CAP_REVISION_MASK 0xff000000
#define CAP_REVISION_3 0x03000000
#define CAP_ROOT_AT 20

static __always_inline int check_capability(__u64 value, __u64 size, struct super_block *sb)
{
	__u32 magic = 0, root = 0;

	if (bpf_probe_read_kernel(&magic, sizeof(magic), (const void *)value))
		return deny();
	if ((magic & CAP_REVISION_MASK) != CAP_REVISION_3)
		return 0;
	if (size < CAP_ROOT_AT + sizeof(root) || bpf_probe_read_kernel(&root, sizeof(root), (const void *)(value + CAP_ROOT_AT)))
		return deny();
	return outlived_by(root, sb) ? deny() : 0;
}

#define NAME_LENGTH 32

/* compares the end of the string too */
#define IS_NAME(name, literal) is_name(name, literal, sizeof(literal))
static __always_inline bool is_name(const char *name, const char *literal, int length)
{
	for (int i = 0; i < length; i++)
		if (name[i] != literal[i])
			return false;
	return true;
}

SEC("lsm/inode_setxattr")
int BPF_PROG(set_xattr, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, const void *value_by_address, __u64 size)
{
	__u64 value = argument(ctx, 3);
	struct super_block *sb = dentry->d_sb;
	char known[NAME_LENGTH] = {};

	bpf_probe_read_kernel_str(known, sizeof(known), name);
	if (IS_NAME(known, "security.capability") && check_capability(value, size, sb))
		return -EPERM;
	if ((IS_NAME(known, "system.posix_acl_access") || IS_NAME(known, "system.posix_acl_default")) && check_acl_bytes(value, size, sb))
		return -EPERM;
	/* whatever the attribute, a range has nothing to write on files that outlive it */
	__u64 number = bpf_core_type_exists(struct mnt_idmap) ? number_of_idmap(idmap) : number_of_userns((void *)ctx[0]);
	return may_create(sb, number) || is_own_cgroup(dentry->d_inode) ? 0 : deny();
}
