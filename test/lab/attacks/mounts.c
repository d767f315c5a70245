/* The same host file system by way of other mounts: clones, copies, overlays. */
#include "attack.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>

/* mounts of one attack must not be there for the next */
static int alone(void)
{
	return errno = unshare_with(CLONE_NEWNS);
}

static int bind_mount(void)
{
	if (alone())
		return errno;
	if (mkdir("/tmp/bind", 0755) < 0 && errno != EEXIST)
		return errno;
	if (mount(".", "/tmp/bind", NULL, MS_BIND | MS_REC, NULL) < 0)
		return errno;
	return create_here("/tmp/bind/by-bind");
}

/* every mount gets a new id and the attacker's namespace as its owner: what broke a policy that went by mount ids */
static int namespace_copy(void)
{
	return alone() ?: create_here("by-copy");
}

static int tree_clone(void)
{
	if (alone())
		return errno;
	int tree = syscall(SYS_open_tree, AT_FDCWD, ".", 1 /* OPEN_TREE_CLONE */ | AT_RECURSIVE | O_CLOEXEC);
	if (tree < 0)
		return errno;
	return outcome(openat(tree, "by-clone", O_CREAT | O_EXCL | O_WRONLY, 0644));
}

static int attached_clone(void)
{
	if (alone())
		return errno;
	int tree = syscall(SYS_open_tree, AT_FDCWD, ".", 1 | AT_RECURSIVE | O_CLOEXEC);
	if (tree < 0)
		return errno;
	if (mkdir("/tmp/clone", 0755) < 0 && errno != EEXIST)
		return errno;
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp/clone", 4 /* F_EMPTY_PATH */) < 0)
		return errno;
	return create_here("/tmp/clone/by-attached-clone");
}

/* upper and work in this folder; lower on a tmpfs of our own */
static int overlay_on(const char *top)
{
	if (alone())
		return errno;
	char options[2 * 4096 + 128], here[4000];
	if (mount("lower", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir("/mnt/lower", 0755) < 0 || mkdir("/mnt/merged", 0755) < 0)
		return errno;
	if (open("/mnt/lower/below", O_CREAT | O_WRONLY | O_CLOEXEC, 0644) < 0)
		return errno;
	if (getcwd(here, sizeof here) == NULL)
		return errno;
	snprintf(options, sizeof options, "lowerdir=/mnt/lower,upperdir=%s/%s,workdir=%s/minework,userxattr", here, top, here);
	return outcome(mount("overlay", "/mnt/merged", "overlay", 0, options));
}

static int overlay_create(void) { return overlay_on("minefolder") ?: create_here("/mnt/merged/by-overlay"); }
static int overlay_mkdir(void) { return overlay_on("minefolder") ?: outcome(mkdir("/mnt/merged/by-overlay", 0755)); }
static int overlay_copy_up(void) { return overlay_on("minefolder") ?: outcome(chmod("/mnt/merged/below", 0600)); }
static int overlay_chown(void) { return overlay_on("minefolder") ?: outcome(chown("/mnt/merged/below", 0, 0)); }
static int overlay_whiteout(void) { return overlay_on("minefolder") ?: outcome(unlink("/mnt/merged/below")); }

static int overlay_on_own(void)
{
	if (alone() || mount("own", "/tmp", "tmpfs", 0, NULL) < 0 || mkdir("/tmp/x", 0755) < 0 || chdir("/tmp/x") < 0)
		return errno;
	if (mkdir("minefolder", 0755) < 0 || mkdir("minework", 0755) < 0)
		return errno;
	return overlay_create();
}

static int own_tmpfs(void)
{
	if (alone() || mount("own", "/tmp", "tmpfs", 0, NULL) < 0)
		return errno;
	return create_here("/tmp/created") ?: outcome(chown("/tmp/created", 0, 0));
}

const struct attack mount_attacks[] = {
	{ "bind mount of the host's tree", bind_mount },
	{ "copy of the mount namespace", namespace_copy },
	{ "open_tree clone", tree_clone },
	{ "open_tree clone, attached", attached_clone },
	{ "overlay upper: create", overlay_create },
	{ "overlay upper: mkdir", overlay_mkdir },
	{ "overlay upper: copy-up", overlay_copy_up },
	{ "overlay upper: chown", overlay_chown },
	{ "overlay work: whiteout", overlay_whiteout },
	{ "overlay on a tmpfs of its own", overlay_on_own },
	{ "tmpfs of its own", own_tmpfs },
	{ NULL, NULL },
};
