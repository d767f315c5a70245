/*
 * attack hold [ipc]                     a new user namespace; lives until its standard input ends
 * attack list                           the names of all attacks
 * attack groups PID                     tries setgroups as root of PID's namespace; prints the errno
 * attack loop PID FOLDER                creates files there as root of PID's namespace until its standard input ends; prints `TRIES SUCCESSES`
 * attack in PID UID FOLDER own|host NAME…  enters PID's user namespace as UID and tries each attack in FOLDER/NAME, with the mount that
 *                                       descriptor 3 is (if it is one) attached at /tmp/attached; one line `NAME<TAB>ERRNO` each
 */
#include "attack.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static const struct attack *const areas[] = { file_attacks, mount_attacks, namespace_attacks, uring_attacks, object_attacks, outside_attacks };
#define AREAS (sizeof areas / sizeof *areas)

/* no errno is as large */
#define BROKEN 255

static void fail(const char *what)
{
	fprintf(stderr, "attack: %s: %m\n", what);
	exit(BROKEN);
}

static const struct attack *find(const char *name)
{
	for (size_t i = 0; i < AREAS; i++)
		for (const struct attack *at = areas[i]; at->name; at++)
			if (strcmp(at->name, name) == 0)
				return at;
	errno = ENOENT;
	fail(name);
	return NULL;
}

static int list(void)
{
	for (size_t i = 0; i < AREAS; i++)
		for (const struct attack *at = areas[i]; at->name; at++)
			puts(at->name);
	return 0;
}

static int hold(void)
{
	char byte;
	if (unshare(CLONE_NEWUSER) < 0)
		fail("unshare");
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0) {
	}
	return 0;
}

static void join(const char *pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/ns/user", pid);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWUSER) < 0)
		fail("setns");
}

static int try_groups(const char *pid)
{
	join(pid);
	puts(setgroups(0, NULL) < 0 ? strerrorname_np(errno) : "");
	return 0;
}

static int loop(const char *pid, const char *folder)
{
	unsigned long tries = 0, successes = 0;
	if (chdir(folder) < 0)
		fail(folder);
	join(pid);
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 || fcntl(0, F_SETFL, O_NONBLOCK) < 0)
		fail("root of the range");
	puts("begun");
	fflush(stdout);
	for (char byte, name[32]; read(0, &byte, 1) != 0; tries++) {
		snprintf(name, sizeof name, "%lu", tries);
		successes += create_here(name) == 0;
	}
	printf("%lu %lu\n", tries, successes);
	return 0;
}

#define MOUNT_FD 3
#define FOLDER_FD 4

static void enter(const char *pid, uid_t uid)
{
	join(pid);
	if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail("root of the range");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("mount namespace");
	if (mount("scratch", "/tmp", "tmpfs", 0, "mode=1777") < 0)
		fail("/tmp");
	if (in_own_namespace && mkdir("/tmp/attached", 0755) == 0 &&
	    syscall(SYS_move_mount, MOUNT_FD, "", AT_FDCWD, "/tmp/attached", 4) < 0)
		fail("move_mount");
	if (uid != 0 && (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
		fail("setresuid");
	prctl(PR_SET_DUMPABLE, 1);
}

/* Each attack runs in a process of its own: many change it for good. `base` was opened in the host's mount namespace, or is the mount. */
static void attempt(const struct attack *attack, int base, const char *folder)
{
	char name[256], path[4096];
	pid_t pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		snprintf(name, sizeof name, "%s", attack->name);
		for (char *at = name; *at; at++)
			if (*at == '/')
				*at = '_';
		int passed = openat(base, name, O_RDONLY | O_DIRECTORY);
		if (passed < 0 || dup2(passed, FOLDER_FD) < 0)
			fail(name);
		snprintf(path, sizeof path, "%s/%s", folder, name);
		if (chdir(path) < 0)
			fail(path);
		_exit(attack->run());
	}
	int status;
	if (waitpid(pid, &status, 0) < 0)
		fail("waitpid");
	int error = WIFEXITED(status) ? WEXITSTATUS(status) : BROKEN;
	printf("%s\t%s\n", attack->name, error == 0 ? "" : error == BROKEN ? "BROKEN" : strerrorname_np(error));
	fflush(stdout);
}

int main(int count, char **words)
{
	if (count == 2 && strcmp(words[1], "list") == 0)
		return list();
	if (count == 2 && strcmp(words[1], "hold") == 0)
		return hold();
	if (count == 3 && strcmp(words[1], "groups") == 0)
		return try_groups(words[2]);
	if (count == 4 && strcmp(words[1], "loop") == 0)
		return loop(words[2], words[3]);
	if (count < 7 || strcmp(words[1], "in") != 0)
		return 64;
	in_own_namespace = strcmp(words[5], "own") == 0;
	umask(0);
	/* what a login session leaves to all that it starts */
	if (syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, "login") < 0)
		fail("session keyring");
	int accomplice = start_accomplice();
	if (accomplice < 0 || dup2(accomplice, ACCOMPLICE_FD) < 0)
		fail("accomplice");
	if (accomplice != ACCOMPLICE_FD)
		close(accomplice);
	int base = open(words[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enter(words[2], strtoul(words[3], NULL, 10));
	if (base < 0)
		base = open(words[4], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		fail(words[4]);
	for (int i = 6; i < count; i++)
		attempt(find(words[i]), base, words[4]);
	return 0;
}
