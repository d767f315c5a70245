/* Who holds an ID, and what dies with its holder. */
#pragma once

#include "state.h"

/*
 * A hook's argument as a plain number. Helpers that read by address take it, where the verifier would not let a typed pointer be
 * moved by an amount that it can't foresee.
 */
static __always_inline __u64 argument(const unsigned long long *ctx, int index)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &ctx[index]);
	return value;
}

static __always_inline bool is_single(__u32 id)
{
	return id >= single_pool.first && id <= single_pool.last;
}

static __always_inline bool is_transient(__u32 id)
{
	return is_single(id) || (id >= block_pool.first && id <= block_pool.last);
}

/* Ranges are told apart by their first ID. */
static __always_inline __u32 range_of(__u32 id)
{
	return is_single(id) ? id : id & ~(BLOCK - 1);
}

/* The nearest namespace upwards that holds a range; 0 where none does. Nested namespaces are under their ancestor's rules. */
static __noinline __u32 holder_above(struct user_namespace *ns)
{
	for (int i = 0; i < MAX_DEPTH; i++) {
		if (!ns || ns->level == 0)
			return 0;
		__u32 inum = ns->ns.inum;
		struct holder *holder = bpf_map_lookup_elem(&holders, &inum);
		if (holder && !holder->own_id)
			return inum;
		ns = ns->parent;
	}
	return 0;
}

/* True for the holder itself and for what is nested in it: such a namespace can't outlive the holder, since it pins its parents. */
static __noinline bool lies_in(struct user_namespace *ns, __u32 inum)
{
	for (int i = 0; i < MAX_DEPTH; i++) {
		if (!ns || ns->level == 0)
			return false;
		if (ns->ns.inum == inum)
			return true;
		ns = ns->parent;
	}
	return false;
}

/*
 * The range that the caller lives in. Both credentials count: overlayfs and io_uring put on others' for a while, and it is enough
 * that either belongs to a range.
 */
static __always_inline __u32 callers_holder(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct user_namespace *ns = task->cred->user_ns;
	struct user_namespace *real = task->real_cred->user_ns;

	/* nearly every call on a machine ends here */
	if (ns->level == 0 && real->level == 0)
		return 0;
	__u32 inum = holder_above(ns);
	return inum || ns == real ? inum : holder_above(real);
}

/*
 * Which holder an ID belongs to; 0 for an ID that is none of ours. The map of blocks is filled right after the kernel took a
 * namespace's map; in the instant before, an ID of the pool in a restricted caller's hand is the caller's.
 */
static __always_inline __u32 holder_of_id(__u32 id)
{
	if (!is_transient(id))
		return 0;
	__u32 key = range_of(id);
	__u32 *inum = bpf_map_lookup_elem(&blocks, &key);
	return inum ? *inum : callers_holder();
}

/* Superblocks of pipes, sockets, memfds: no path leads to their inodes, which end with their last descriptor. */
#define SB_NOUSER (1UL << 31)

/* The question of the whole policy: would this ID, stored on this file system, be there after its holder is gone? 0 is no. */
static __always_inline __u32 outlived_by(__u32 id, struct super_block *sb)
{
	__u32 holder = holder_of_id(id);

	if (!holder || (sb->s_flags & SB_NOUSER))
		return 0;
	return lies_in(sb->s_user_ns, holder) ? 0 : holder;
}

/* Was this mount handed out for that holder? An idmap of 0 is no idmap, and never allowed. */
static __always_inline bool is_allowed(__u32 inum, struct super_block *sb, __u64 idmap)
{
	struct holder *holder = bpf_map_lookup_elem(&holders, &inum);

	if (!holder || !idmap)
		return false;
	struct allowance key = { holder->cookie, (__u64)sb, idmap };
	return bpf_map_lookup_elem(&allowed, &key) != NULL;
}

/* May this ID be written through this mount? */
static __always_inline bool may_store(__u32 id, struct super_block *sb, __u64 idmap)
{
	__u32 holder = outlived_by(id, sb);

	return !holder || is_allowed(holder, sb, idmap);
}

/* May the caller leave something of itself behind here? What it leaves has its file-system IDs. */
static __always_inline bool may_create(struct super_block *sb, __u64 idmap)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return may_store(task->cred->fsuid.val, sb, idmap) && may_store(task->cred->fsgid.val, sb, idmap);
}
