/* A mount's idmap as one number: its address, or 0 for a mount without. It differs between any two mounts that were idmapped apart. */
#pragma once

#include "holders.h"

static __always_inline __u64 number_of_idmap(struct mnt_idmap *idmap)
{
	if (!idmap)
		return 0;
	/* the idmap that stands for "none" maps nothing, or is owned by the first namespace */
	if (bpf_core_field_exists(idmap->uid_map))
		return idmap->uid_map.nr_extents == 0 ? 0 : (__u64)idmap;
	struct mnt_idmap___owner *owned = (void *)idmap;
	return owned->owner->level == 0 ? 0 : (__u64)idmap;
}

static __always_inline __u64 number_of_userns(struct user_namespace *ns)
{
	return !ns || ns->level == 0 ? 0 : (__u64)ns;
}

static __always_inline __u64 idmap_of(struct vfsmount *mount)
{
	if (bpf_core_field_exists(mount->mnt_idmap))
		return number_of_idmap(mount->mnt_idmap);
	struct vfsmount___userns *older = (void *)mount;
	return number_of_userns(older->mnt_userns);
}
