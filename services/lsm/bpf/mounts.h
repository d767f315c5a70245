/* How the service learns what a mount descriptor of its own stands for: reading this iterator gives a line for each. */
#pragma once

#include "idmaps.h"

struct mount_line {
	__u32 fd;
	__u32 reserved;
	__u64 superblock;
	__u64 idmap;
};

SEC("iter/task_file")
int mounts(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;

	if (!ctx->task || !file)
		return 0;
	struct vfsmount *mount = file->f_path.mnt;
	struct mount_line line = { .fd = ctx->fd, .superblock = (__u64)mount->mnt_sb, .idmap = idmap_of(mount) };
	bpf_seq_write(ctx->meta->seq, &line, sizeof(line));
	return 0;
}
