/* The two ends of a namespace's life, and of a superblock's, as the kernel itself goes through them. */
#pragma once

#include "holders.h"

/* Walks a namespace's UID map; `holder` is written for each block, and a 0 takes the block out. */
struct map_walk {
	__u64 map;
	__u64 forward;
	__u32 holder;
	__u32 leaver;
	/* the line that is being written */
	__u32 lower;
};

#define INLINE_EXTENTS 5
/* A container of containers gets its blocks one after the other in its own map, often as one line. */
#define MAX_BLOCKS 64

static __noinline void write_block(struct map_walk *walk, __u32 key)
{
	if (walk->holder) {
		bpf_map_update_elem(&blocks, &key, &walk->holder, BPF_ANY);
		return;
	}
	/* a block that was passed on meanwhile is somebody else's */
	__u32 *holder = bpf_map_lookup_elem(&blocks, &key);
	if (holder && *holder == walk->leaver)
		bpf_map_delete_elem(&blocks, &key);
}

static long write_nth_block(__u32 index, struct map_walk *walk)
{
	__u32 first = walk->lower + index * BLOCK;

	if (first >= block_pool.first && first <= block_pool.last && (first & (BLOCK - 1)) == 0)
		write_block(walk, first);
	return 0;
}

static long write_extent(__u32 index, struct map_walk *walk)
{
	struct uid_gid_extent *from = (struct uid_gid_extent *)walk->forward;
	__u32 lower, count;

	if (from)
		from = (void *)((char *)from + (__u64)index * bpf_core_type_size(struct uid_gid_extent));
	else
		from = (void *)((char *)walk->map + bpf_core_field_offset(struct uid_gid_map, extent) +
				(__u64)index * bpf_core_type_size(struct uid_gid_extent));
	lower = BPF_CORE_READ(from, lower_first);
	count = BPF_CORE_READ(from, count);

	if (is_single(lower) && count == 1) {
		write_block(walk, lower);
		return 0;
	}
	walk->lower = lower;
	bpf_loop(count / BLOCK < MAX_BLOCKS ? count / BLOCK : MAX_BLOCKS, write_nth_block, walk, 0);
	return 0;
}

static __always_inline void write_blocks(__u64 address, __u32 holder, __u32 leaver)
{
	struct user_namespace *ns = (void *)address;
	struct map_walk walk = {
		.map = address + bpf_core_field_offset(struct user_namespace, uid_map),
		.holder = holder,
		.leaver = leaver,
	};
	__u32 extents = BPF_CORE_READ(ns, uid_map.nr_extents);

	if (extents > INLINE_EXTENTS)
		walk.forward = (__u64)BPF_CORE_READ(ns, uid_map.forward);
	if (extents <= MAX_EXTENTS)
		bpf_loop(extents, write_extent, &walk, 0);
}

/* A registered namespace got its map: from now on these IDs are its. The GID map has the same numbers. */
SEC("fexit/proc_uid_map_write")
int BPF_PROG(took_map, struct file *file)
{
	struct seq_file *seq = BPF_CORE_READ(file, private_data);
	struct user_namespace *ns = BPF_CORE_READ(seq, private);
	__u32 inum = BPF_CORE_READ(ns, ns.inum);
	struct holder *holder = bpf_map_lookup_elem(&holders, &inum);

	if (holder && !holder->own_id)
		write_blocks((__u64)ns, inum, 0);
	return 0;
}

/* The last reference is gone, its number not yet: nothing of the namespace is left, neither process, nor mount, nor descriptor. */
SEC("fentry/retire_userns_sysctls")
int BPF_PROG(namespace_gone, struct user_namespace *ns)
{
	__u32 inum = ns->ns.inum;
	struct holder *holder = bpf_map_lookup_elem(&holders, &inum);

	if (!holder)
		return 0;
	if (!holder->own_id)
		write_blocks(argument(ctx, 0), holder_above(ns->parent), inum);
	struct news *told = bpf_ringbuf_reserve(&news, sizeof(*told), 0);
	if (told) {
		told->kind = NAMESPACE_GONE;
		told->superblock = 0;
		__builtin_memcpy(told->name, holder->name, NAME_BYTES);
		bpf_ringbuf_submit(told, 0);
	} else {
		count(NEWS_LOST);
	}
	bpf_map_delete_elem(&holders, &inum);
	return 0;
}

/* An address may come again, with another file system behind it. */
SEC("lsm/sb_free_security")
void BPF_PROG(superblock_gone, struct super_block *sb)
{
	__u64 address = (__u64)sb;
	if (bpf_map_delete_elem(&handed_out, &address))
		return;
	struct news *told = bpf_ringbuf_reserve(&news, sizeof(*told), 0);
	if (!told)
		return count(NEWS_LOST);
	told->kind = SUPERBLOCK_GONE;
	told->superblock = address;
	told->name[0] = 0;
	bpf_ringbuf_submit(told, 0);
}
