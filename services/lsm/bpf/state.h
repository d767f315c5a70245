/*
 * What the policy knows. All maps are pinned: they belong to the machine, not to a process. `services/lsm/state.ts` reads and
 * writes the same layouts.
 */
#pragma once

#include "kernel.h"

/* User namespaces nest 32 deep below the first one. */
#define MAX_DEPTH 33
/* A namespace's map has at most 340 lines. */
#define MAX_EXTENTS 340
#define BLOCK 65536

/* The pools, [first, last] each: single IDs, and blocks of 64 Ki. Set before load. */
struct pool {
	__u32 first;
	__u32 last;
};
const volatile struct pool single_pool = { 61184, 65519 };
const volatile struct pool block_pool = { 524288, 1879048191 };

#define NAME_BYTES 64

/* A namespace that holds a range of ours, or that was made known to us. */
struct holder {
	/* never the same twice, so that a mount allowed to a dead namespace is allowed to no later one */
	__u64 cookie;
	/* holds nothing transient: what lies above it decides, and only its end is told */
	__u32 own_id;
	/* its creator's own ID is mapped: setgroups must not shed a group that denies */
	__u32 deny_setgroups;
	/* what the rest of Postern calls it */
	char name[NAME_BYTES];
};

/*
 * By inode number. The number is unique while the namespace lives, and the entry is taken out in the very call that frees it,
 * before the number can be given out again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct holder);
} holders SEC(".maps");

/* Which namespace holds a transient ID: key is the ID (single pool) or the first of its block; the deepest holder wins. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u32);
} blocks SEC(".maps");

/* A mount that was handed out: the superblock with the idmap. Clones keep both, and nobody can make either. */
struct allowance {
	__u64 cookie;
	__u64 superblock;
	__u64 idmap;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct allowance);
	__type(value, __u8);
} allowed SEC(".maps");

/* The superblocks that have an allowance, so that their end is told. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u8);
} handed_out SEC(".maps");

/* What happened, for the service. Unread news survive its death: the map keeps both ends' positions. */
enum news_kind { NAMESPACE_GONE = 1, SUPERBLOCK_GONE = 2 };
struct news {
	__u64 kind;
	__u64 superblock;
	char name[NAME_BYTES];
};
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} news SEC(".maps");

enum counter { DENIED = 0, NEWS_LOST = 1, COUNTERS = 2 };
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &which);
	if (value)
		__sync_fetch_and_add(value, 1);
}

static __always_inline int deny(void)
{
	count(DENIED);
	return -EPERM;
}
