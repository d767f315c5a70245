/* With the help of what is outside: a process of the host's, its setuid programs, its quotas and leases, a file system in user space. */
#include "attack.h"

#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Sends two descriptors with a word, or receives them. */
static ssize_t pass(int channel, bool out, int fds[2], int *word)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec part = { word, sizeof *word };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(2 * sizeof(int));
	if (out) {
		memcpy(CMSG_DATA(header), fds, 2 * sizeof(int));
		return sendmsg(channel, &message, MSG_NOSIGNAL);
	}
	ssize_t got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	if (got > 0)
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&message)), 2 * sizeof(int));
	return got;
}

int start_accomplice(void)
{
	int ends[2], fds[2], word;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t pid = fork();
	if (pid != 0) {
		close(ends[1]);
		return pid < 0 ? -1 : ends[0];
	}
	close(ends[0]);
	while (pass(ends[1], false, fds, &word) > 0) {
		word = outcome(linkat(fds[0], "", fds[1], "linked-outside", AT_EMPTY_PATH));
		close(fds[0]);
		close(fds[1]);
		if (send(ends[1], &word, sizeof word, MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}

/* Root of the host, outside of the range, gives it a name; its own IDs have nothing to do with that. */
static int passed_out_and_linked(void)
{
	int word = 0;
	int fds[2] = { open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) };
	if (fds[0] < 0 || fds[1] < 0 || pass(ACCOMPLICE_FD, true, fds, &word) < 0)
		return errno;
	return recv(ACCOMPLICE_FD, &word, sizeof word, 0) < 0 ? errno : word;
}

/* `suid` is the host's root's, and says whom it runs as: another than us, and it could leave that one's files. */
static int setuid_program(void)
{
	int ends[2];
	char said[32] = "";
	if (pipe(ends) < 0)
		return errno;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl("./suid", "suid", "-u", NULL);
		_exit(127);
	}
	close(ends[1]);
	ssize_t length = read(ends[0], said, sizeof said - 1);
	int status;
	if (pid < 0 || length <= 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return EINVAL;
	return strtoul(said, NULL, 10) == geteuid() ? EPERM : 0;
}

static int project_id(void)
{
	struct fsxattr attributes;
	int fd = open("mine", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_FSGETXATTR, &attributes) < 0)
		return errno;
	attributes.fsx_projid = 524288;
	if (ioctl(fd, FS_IOC_FSSETXATTR, &attributes) == 0)
		return 0;
	/* the kernel's word for a namespace that may not */
	return errno == EINVAL ? EPERM : errno;
}

static int quota(void)
{
	struct dqblk limits = { .dqb_bhardlimit = 1, .dqb_valid = QIF_BLIMITS };
	int fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? errno : outcome(syscall(SYS_quotactl_fd, fd, QCMD(Q_SETQUOTA, USRQUOTA), geteuid(), &limits));
}

/* ends with the descriptor, and nothing is written */
static int lease(void)
{
	int fd = open("mine", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : outcome(fcntl(fd, F_SETLEASE, F_RDLCK));
}

/* its owners are whatever its server says, and it goes with the mount */
static int fuse_mount(void)
{
	char options[128];
	if ((errno = unshare_with(CLONE_NEWNS)))
		return errno;
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return errno;
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	return outcome(mount("attack", "/mnt", "fuse", MS_NOSUID | MS_NODEV, options));
}

const struct attack outside_attacks[] = {
	{ "descriptor passed out and linked", passed_out_and_linked },
	{ "exec of a setuid file of the host", setuid_program },
	{ "project ID", project_id },
	{ "quota", quota },
	{ "file lease", lease },
	{ "fuse mount of its own", fuse_mount },
	{ NULL, NULL },
};
