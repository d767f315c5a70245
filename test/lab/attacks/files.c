/* Creation, ownership and attributes, by the plain calls. */
#include "attack.h"

#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

int create_here(const char *name)
{
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int create(void) { return create_here("created"); }
static int create_in_own_folder(void) { return create_here("minefolder/created"); }
static int folder(void) { return outcome(mkdir("folder", 0755)); }
static int setgid_folder(void)
{
	int error = outcome(mkdir("sgid", 0755));
	return error ? error : outcome(chmod("sgid", 02777));
}
static int fifo(void) { return outcome(mkfifo("fifo", 0644)); }
static int regular_node(void) { return outcome(mknod("node", S_IFREG | 0644, 0)); }
static int whiteout_node(void) { return outcome(mknod("whiteout", S_IFCHR, makedev(0, 0))); }
static int symbolic_link(void) { return outcome(symlink("target", "symlink")); }
static int hard_link(void) { return outcome(link("mine", "hardlink")); }

static int bind_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return fd < 0 ? errno : outcome(bind(fd, (struct sockaddr *)&address, sizeof address));
}

static int unnamed_file(void) { return outcome(open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)); }

static int unnamed_file_named(void)
{
	char path[64];
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return outcome(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
}

#define RENAME_WHITEOUT_FLAG 4
static int rename_whiteout(void)
{
	return outcome(syscall(SYS_renameat2, AT_FDCWD, "mine", AT_FDCWD, "renamed", RENAME_WHITEOUT_FLAG));
}

/* another ID of the range; only its root can give files away */
static int change_owner(void) { return outcome(chown("mine", 77, -1)); }
static int change_group(void) { return outcome(chown("mine", -1, getegid())) ?: outcome(chown("mine", -1, 77)); }
static int change_owner_by_descriptor(void)
{
	int fd = open("mine", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : outcome(fchown(fd, 77, -1));
}
static int change_owner_of_link(void) { return outcome(lchown("minelink", 77, -1)); }
static int set_setuid(void) { return outcome(chmod("mine", 04755)); }

struct acl_bytes {
	uint32_t version;
	struct {
		uint16_t tag, permissions;
		uint32_t id;
	} entries[5];
} __attribute__((packed));

/* owner, one named user, group, mask, others */
static const struct acl_bytes list = { 2, { { 1, 7, -1 }, { 2, 7, 77 }, { 4, 5, -1 }, { 16, 7, -1 }, { 32, 5, -1 } } };
static int access_list(void) { return outcome(setxattr("mine", "system.posix_acl_access", &list, sizeof list, 0)); }
static int default_access_list(void) { return outcome(setxattr("minefolder", "system.posix_acl_default", &list, sizeof list, 0)); }

static int file_capability(void)
{
	struct vfs_cap_data data = { .magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, .data = { { .permitted = 1 } } };
	return outcome(setxattr("mine", "security.capability", &data, sizeof data, 0));
}
static int user_attribute(void) { return outcome(setxattr("mine", "user.note", "x", 1, 0)); }
static int trusted_attribute(void) { return outcome(setxattr("mine", "trusted.note", "x", 1, 0)); }

/* stores no ID: must stay allowed everywhere */
static int write_given(void)
{
	int fd = open("given", O_WRONLY | O_TRUNC | O_CLOEXEC);
	return fd < 0 ? errno : outcome(write(fd, "x", 1));
}

/* a folder of the host, opened by its root and handed over */
#define PASSED_FD 4
static int passed_descriptor(void)
{
	int fd = openat(PASSED_FD, "by-descriptor", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	return outcome(fd);
}

static int by_handle(void)
{
	struct {
		struct file_handle handle;
		unsigned char bytes[128];
	} at = { .handle = { .handle_bytes = 128 } };
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, ".", &at.handle, &mount_id, 0) < 0)
		return errno;
	int root = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = open_by_handle_at(root, &at.handle, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return errno;
	return outcome(openat(fd, "by-handle", O_CREAT | O_EXCL | O_WRONLY, 0644));
}

const struct attack file_attacks[] = {
	{ "create", create },
	{ "create in a folder of its own", create_in_own_folder },
	{ "mkdir", folder },
	{ "mkdir with setgid", setgid_folder },
	{ "fifo", fifo },
	{ "mknod of a file", regular_node },
	{ "mknod of a whiteout", whiteout_node },
	{ "symlink", symbolic_link },
	{ "hard link", hard_link },
	{ "bind of a socket", bind_socket },
	{ "O_TMPFILE", unnamed_file },
	{ "O_TMPFILE and linkat", unnamed_file_named },
	{ "rename with whiteout", rename_whiteout },
	{ "chown", change_owner },
	{ "chgrp", change_group },
	{ "fchown", change_owner_by_descriptor },
	{ "lchown", change_owner_of_link },
	{ "chmod with setuid", set_setuid },
	{ "ACL", access_list },
	{ "default ACL", default_access_list },
	{ "security.capability", file_capability },
	{ "user xattr", user_attribute },
	{ "trusted xattr", trusted_attribute },
	{ "write to a world-writable file", write_given },
	{ "host folder passed as a descriptor", passed_descriptor },
	{ "open_by_handle_at", by_handle },
	{ NULL, NULL },
};
