/* What is no file of the folder: IPC, keys, terminals, shared memory, anonymous memory. */
#include "attack.h"

#include <mqueue.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>

bool in_own_namespace;

static int ipc(void) { return in_own_namespace ? unshare_with(CLONE_NEWIPC) : 0; }

static int shared_memory(void) { return ipc() ?: outcome(shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600)); }
static int semaphores(void) { return ipc() ?: outcome(semget(IPC_PRIVATE, 1, IPC_CREAT | 0600)); }
static int messages(void) { return ipc() ?: outcome(msgget(IPC_PRIVATE, IPC_CREAT | 0600)); }

static int posix_queue(void)
{
	char name[64];
	snprintf(name, sizeof name, "/attack-%d", getpid());
	return ipc() ?: outcome(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
}

#define SESSION_KEYRING (-3)
#define JOIN_SESSION 1
static int key(void)
{
	if (in_own_namespace && syscall(SYS_keyctl, JOIN_SESSION, NULL) < 0)
		return errno;
	return outcome(syscall(SYS_add_key, "user", "attack", "x", 1, SESSION_KEYRING));
}

/* a pseudo-terminal's inode belongs to whoever opens the multiplexer */
static int terminal(void)
{
	if (!in_own_namespace)
		return outcome(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
	if ((errno = unshare_with(CLONE_NEWNS)) || mount("devpts", "/mnt", "devpts", 0, "newinstance,ptmxmode=0666") < 0)
		return errno;
	return outcome(open("/mnt/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC));
}

static int dev_shm(void)
{
	char name[64];
	if (in_own_namespace && ((errno = unshare_with(CLONE_NEWNS)) || mount("own", "/dev/shm", "tmpfs", 0, NULL) < 0))
		return errno;
	snprintf(name, sizeof name, "/dev/shm/attack-%d", getpid());
	return create_here(name);
}

/* ends with its last descriptor, and no path leads to it: must stay allowed */
static int anonymous_memory(void)
{
	int fd = memfd_create("attack", MFD_CLOEXEC);
	return fd < 0 ? errno : outcome(fchown(fd, geteuid(), getegid()));
}

/* `given` belongs to the range, `open` to root and `others` to another range; anybody may write in each */
static int cgroup_in(const char *folder)
{
	char name[64];
	snprintf(name, sizeof name, "/sys/fs/cgroup/%s/below-%u", folder, geteuid());
	return outcome(mkdir(name, 0755));
}
static int own_cgroup(void) { return cgroup_in("given"); }
static int open_cgroup(void) { return cgroup_in("open"); }
static int others_cgroup(void) { return cgroup_in("others"); }

/* the files of a controller belong to whoever switches it on */
static int controller_in(const char *folder)
{
	char name[64];
	snprintf(name, sizeof name, "/sys/fs/cgroup/%s/cgroup.subtree_control", folder);
	int fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int error = outcome(write(fd, "+pids", 5));
	if (!error)
		error = outcome(write(fd, "-pids", 5));
	return error;
}
static int own_controller(void) { return controller_in("given"); }
static int open_controller(void) { return controller_in("open"); }

const struct attack object_attacks[] = {
	{ "System V shared memory", shared_memory },
	{ "System V semaphores", semaphores },
	{ "System V message queue", messages },
	{ "POSIX message queue", posix_queue },
	{ "key in the session keyring", key },
	{ "pseudo-terminal", terminal },
	{ "/dev/shm", dev_shm },
	{ "memfd", anonymous_memory },
	{ "cgroup in one of its own", own_cgroup },
	{ "cgroup in anybody's", open_cgroup },
	{ "cgroup in another range's", others_cgroup },
	{ "controller in a cgroup of its own", own_controller },
	{ "controller in anybody's cgroup", open_controller },
	{ NULL, NULL },
};
