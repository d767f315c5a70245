/* What is no file: IPC objects and keys in a host's namespace would keep an ID, and its namespace, for ever. */
#pragma once

#include "holders.h"

/* System V objects belong to the IPC namespace they are made in; it is free when it dies with the range. */
static __always_inline int check_ipc(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct user_namespace *owner = task->nsproxy->ipc_ns->user_ns;
	__u32 by_user = holder_of_id(task->cred->euid.val);
	__u32 by_group = holder_of_id(task->cred->egid.val);

	if ((by_user && !lies_in(owner, by_user)) || (by_group && !lies_in(owner, by_group)))
		return deny();
	return 0;
}

SEC("lsm/shm_alloc_security")
int BPF_PROG(make_shared_memory)
{
	return check_ipc();
}

SEC("lsm/sem_alloc_security")
int BPF_PROG(make_semaphores)
{
	return check_ipc();
}

SEC("lsm/msg_queue_alloc_security")
int BPF_PROG(make_message_queue)
{
	return check_ipc();
}

#define KEY_NEED_WRITE 3
#define KEY_NEED_LINK 5

/*
 * A range writes only into keyrings of its own: a session keyring that it inherited belongs to its creator's login and lives on.
 * And nobody else links a range's key into a keyring that outlives it.
 */
SEC("lsm/key_permission")
int key_permission(unsigned long long *ctx)
{
	/* the lowest bit of the reference says "possessed" */
	struct key *key = (void *)(argument(ctx, 0) & ~1ULL);
	unsigned int need = ctx[2];

	if (need != KEY_NEED_WRITE && need != KEY_NEED_LINK)
		return 0;
	__u32 owner = BPF_CORE_READ(key, uid.val);
	__u32 holder = is_transient(owner) ? holder_of_id(owner) : 0;
	__u32 caller = callers_holder();
	if (need == KEY_NEED_WRITE)
		return caller && caller != holder ? deny() : 0;
	return holder && caller != holder ? deny() : 0;
}

/* In a namespace that was given its creator's own ID, shedding a group could open what the group is denied. */
SEC("lsm/task_fix_setgroups")
int BPF_PROG(set_groups, const struct cred *new)
{
	struct user_namespace *ns = new->user_ns;

	for (int i = 0; i < MAX_DEPTH; i++) {
		if (!ns || ns->level == 0)
			return 0;
		__u32 inum = ns->ns.inum;
		struct holder *holder = bpf_map_lookup_elem(&holders, &inum);
		if (holder && holder->deny_setgroups)
			return deny();
		ns = ns->parent;
	}
	return 0;
}
