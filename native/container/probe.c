/*
 * What `postern doctor` asks the kernel: each feature is really used, in a process of its own that ends with the attempt. Nothing here
 * does harm without privileges: what only root can try answers EACCES or EPERM to others.
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/dm-ioctl.h>
#include <linux/filter.h>
#include <linux/fsverity.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef NS_GET_ID
#define NS_GET_ID _IOR(0xb7, 13, unsigned long long) /* Linux 6.13 */
#endif

/* Each answers 0 or the error of the first step that failed. */
static int outcome(long result) { return result < 0 ? errno : 0; }

static int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  int error = outcome(write(fd, text, strlen(text)));
  close(fd);
  return error;
}

/* A user namespace in which the caller is root, with further namespaces that it owns. */
static int own_namespaces(int further) {
  char uids[64], gids[64];
  snprintf(uids, sizeof uids, "0 %u 1", geteuid());
  snprintf(gids, sizeof gids, "0 %u 1", getegid());
  if (unshare(CLONE_NEWUSER | further) < 0) return errno;
  int error = write_file("/proc/self/uid_map", uids);
  if (error == 0) error = write_file("/proc/self/setgroups", "deny");
  return error != 0 ? error : write_file("/proc/self/gid_map", gids);
}

static int user_namespace(void) { return outcome(unshare(CLONE_NEWUSER)); }
static int other_namespaces(void) { return own_namespaces(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP); }

static int memory_mount(void) {
  int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return fsmount(context, FSMOUNT_CLOEXEC, 0);
}

static int mount_api(void) {
  int error = own_namespaces(CLONE_NEWNS);
  if (error != 0) return error;
  int mounted = memory_mount();
  return mounted < 0 ? errno : outcome(move_mount(mounted, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH));
}

static int idmapped_mount(void) {
  int error = own_namespaces(CLONE_NEWNS);
  if (error != 0) return error;
  int ready[2];
  if (pipe(ready) < 0) return errno;
  pid_t child = fork();
  if (child < 0) return errno;
  if (child == 0) {
    error = own_namespaces(0);
    if (write(ready[1], &error, sizeof error) < 0) _exit(1);
    pause();
    _exit(0);
  }
  if (read(ready[0], &error, sizeof error) != sizeof error) error = EPIPE;
  if (error == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    int mounted = memory_mount();
    int namespace = open(path, O_RDONLY | O_CLOEXEC);
    struct mount_attr attributes = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (__u64)namespace};
    if (mounted < 0 || namespace < 0) error = errno;
    else error = outcome(mount_setattr(mounted, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
  }
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  return error;
}

static int file_system(const char *type) {
  int error = own_namespaces(CLONE_NEWNS);
  return error != 0 ? error : outcome(fsopen(type, FSOPEN_CLOEXEC));
}
static int erofs(void) { return file_system("erofs"); }
static int squashfs(void) { return file_system("squashfs"); }
static int ext4(void) { return file_system("ext4"); }
static int xfs(void) { return file_system("xfs"); }
static int btrfs(void) { return file_system("btrfs"); }

static int own_user_namespace(void) { return open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC); }

static int namespace_id(void) {
  unsigned long long id;
  return outcome(ioctl(own_user_namespace(), NS_GET_ID, &id));
}

static int namespace_handle(void) {
  struct {
    struct file_handle header;
    unsigned char bytes[128];
  } handle = {.header = {.handle_bytes = sizeof handle.bytes}};
  int mount_id;
  return outcome(name_to_handle_at(own_user_namespace(), "", &handle.header, &mount_id, AT_EMPTY_PATH));
}

static int peer_pidfd(void) {
  int pair[2], pidfd;
  socklen_t size = sizeof pidfd;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) return errno;
  return outcome(getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size));
}

static int seccomp_filter(void) {
  struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {.len = 1, .filter = allow};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return errno;
  return outcome(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

/* On the file system of TMPDIR, or /var/tmp: the doctor says which. */
static int fs_verity(void) {
  const char *folder = getenv("TMPDIR");
  char path[4096], own[64];
  snprintf(path, sizeof path, "%s/postern-probe-XXXXXX", folder == NULL ? "/var/tmp" : folder);
  int writable = mkostemp(path, O_CLOEXEC);
  if (writable < 0) return errno;
  unlink(path);
  snprintf(own, sizeof own, "/proc/self/fd/%d", writable);
  int fd = open(own, O_RDONLY | O_CLOEXEC);
  close(writable);
  struct fsverity_enable_arg enable = {.version = 1, .hash_algorithm = FS_VERITY_HASH_ALG_SHA256, .block_size = 4096};
  return fd < 0 ? errno : outcome(ioctl(fd, FS_IOC_ENABLE_VERITY, &enable));
}

/* A loop device over a few bytes of memory; it frees itself as soon as nobody has it open. */
static int loop_device(void) {
  char path[32];
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
  if (number < 0) return errno;
  snprintf(path, sizeof path, "/dev/loop%d", number);
  int device = open(path, O_RDONLY | O_CLOEXEC);
  int memory = memfd_create("probe", MFD_CLOEXEC);
  if (device < 0 || memory < 0 || ftruncate(memory, 4096) < 0) return errno;
  struct loop_config config = {.fd = (__u32)memory, .info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR}};
  return outcome(ioctl(device, LOOP_CONFIGURE, &config));
}

/* Asks for the version of a target, which loads its module where there is one. */
static int device_mapper_target(const char *target) {
  struct {
    struct dm_ioctl header;
    char room[4096];
  } request = {.header = {.version = {4, 41, 0}, .data_size = sizeof request, .data_start = sizeof request.header}};
  snprintf(request.header.name, sizeof request.header.name, "%s", target);
  int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
  return control < 0 ? errno : outcome(ioctl(control, DM_GET_TARGET_VERSION, &request));
}
static int dm_verity(void) { return device_mapper_target("verity"); }
static int dm_crypt(void) { return device_mapper_target("crypt"); }
static int dm_integrity(void) { return device_mapper_target("integrity"); }

/* A pair of interfaces in a network of our own, which it ends with. */
static int veth(void) {
  struct {
    struct nlmsghdr header;
    struct ifinfomsg link;
    struct rtattr info, kind;
    char name[4];
  } request = {
      .header = {sizeof request, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0},
      .info = {sizeof request.info + sizeof request.kind + sizeof request.name, IFLA_LINKINFO},
      .kind = {sizeof request.kind + sizeof request.name, IFLA_INFO_KIND},
      .name = {'v', 'e', 't', 'h'},
  };
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char request[sizeof request];
  } answer;
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return errno;
  int route = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (route < 0 || send(route, &request, sizeof request, 0) < 0 || recv(route, &answer, sizeof answer, 0) < 0) return errno;
  return -answer.error.error;
}

static int tap(void) {
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) return errno;
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  int device = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  return device < 0 ? errno : outcome(ioctl(device, TUNSETIFF, &request));
}

static const struct {
  const char *name;
  int (*attempt)(void);
} features[] = {
    {"user-namespace", user_namespace},
    {"other-namespaces", other_namespaces},
    {"mount-api", mount_api},
    {"idmapped-mount", idmapped_mount},
    {"erofs", erofs},
    {"squashfs", squashfs},
    {"ext4", ext4},
    {"xfs", xfs},
    {"btrfs", btrfs},
    {"namespace-id", namespace_id},
    {"namespace-handle", namespace_handle},
    {"peer-pidfd", peer_pidfd},
    {"seccomp", seccomp_filter},
    {"fs-verity", fs_verity},
    {"loop", loop_device},
    {"dm-verity", dm_verity},
    {"dm-crypt", dm_crypt},
    {"dm-integrity", dm_integrity},
    {"veth", veth},
    {"tap", tap},
};

int probe(void) {
  for (size_t i = 0; i < sizeof features / sizeof *features; i++) {
    pid_t child = fork();
    if (child < 0) fail(EXIT_OS, errno, NULL, "no process can be made");
    /* errors are small numbers, and fit into an exit status */
    if (child == 0) _exit(features[i].attempt());
    int status = 0;
    waitpid(child, &status, 0);
    printf("%s %s\n", features[i].name, WIFSIGNALED(status) ? "crashed" : status == 0 ? "ok" : strerrorname_np(WEXITSTATUS(status)));
    fflush(stdout);
  }
  return 0;
}
