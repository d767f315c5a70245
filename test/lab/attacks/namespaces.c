/* From deeper: namespaces within the range's. */
#include "attack.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

int in_child(int (*before)(void), int (*run)(void))
{
	pid_t pid = fork();
	if (pid < 0)
		return errno;
	if (pid == 0) {
		int error = before();
		_exit(error ? error : run());
	}
	int status;
	if (waitpid(pid, &status, 0) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

static int create(void) { return create_here("by-nested"); }

static int unmapped(void) { return outcome(unshare(CLONE_NEWUSER)); }

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = outcome(write(fd, text, strlen(text)));
	close(fd);
	return error;
}

/* maps its own ID as root of the new one */
int become_nested_root(void)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof uids, "0 %d 1", geteuid());
	snprintf(gids, sizeof gids, "0 %d 1", getegid());
	prctl(PR_SET_DUMPABLE, 1);
	return unmapped() ?: write_text("/proc/self/setgroups", "deny") ?: write_text("/proc/self/uid_map", uids) ?: write_text("/proc/self/gid_map", gids);
}

int unshare_with(int flags)
{
	int error = geteuid() == 0 ? 0 : become_nested_root();
	return error ? error : outcome(unshare(flags));
}

static int mapped_twice(void) { return become_nested_root() ?: become_nested_root(); }

static int nested_unmapped(void) { return in_child(unmapped, create); }
static int nested_mapped(void) { return in_child(become_nested_root, create); }
static int nested_twice(void) { return in_child(mapped_twice, create); }
static int take_mode(void) { return outcome(chown("mine", 0, 0)) ?: outcome(chmod("mine", 04711)); }
static int nested_chown(void) { return in_child(become_nested_root, take_mode); }

/* A second map would bring IDs that nobody gave. */
static int map_again(void) { return write_text("/proc/self/uid_map", "0 0 4294967295"); }

static int core_dump(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
		setrlimit(RLIMIT_CORE, &all);
		prctl(PR_SET_DUMPABLE, 1);
		abort();
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return errno;
	return access("core", F_OK) == 0 ? 0 : EACCES;
}

const struct attack namespace_attacks[] = {
	{ "nested namespace without a map", nested_unmapped },
	{ "nested namespace with a map", nested_mapped },
	{ "namespace nested twice", nested_twice },
	{ "chown in a nested namespace", nested_chown },
	{ "second write of uid_map", map_again },
	{ "core dump", core_dump },
	{ NULL, NULL },
};
