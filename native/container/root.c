/*
 * The container's tree of files. Everything of the host that it keeps (fresh /proc, six device nodes, the caller's terminal) is taken while the host is
 * still in sight; then the image becomes the root and the host's tree is let go; the rest is made inside.
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static const char *const device_names[] = {"null", "zero", "full", "random", "urandom", "tty"};
enum { DEVICES = sizeof device_names / sizeof *device_names };

/* What a root must have, since every container needs something mounted there; /run is served where the image has it. */
static const char *const needed_folders[] = {"proc", "dev", "tmp"};

static int new_file_system(const char *type, const char *mode, unsigned attributes) {
  int context = fsopen(type, FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mounted = -1;
  if (fsconfig(context, FSCONFIG_SET_STRING, "source", type, 0) == 0 &&
      (mode == NULL || fsconfig(context, FSCONFIG_SET_STRING, "mode", mode, 0) == 0) &&
      fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    mounted = fsmount(context, FSMOUNT_CLOEXEC, attributes);
  }
  int error = errno;
  close(context);
  errno = error;
  return mounted;
}

/* The caller's terminal as a file, so that `tty` and its kind find a name for what they are connected to. */
static int take_terminal(void) {
  char path[PATH_BYTES];
  return ttyname_r(STDIN_FILENO, path, sizeof path) == 0 ? open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC) : -1;
}

void take_keepsakes(struct keepsakes *kept) {
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) fail(EXIT_OS, errno, NULL, "the mount namespace can't be made private");

  /* the kernel gives a new /proc only to those who see a whole one already */
  kept->proc = new_file_system("proc", NULL, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (kept->proc < 0) fail(EXIT_OS, errno, "run it where /proc is whole: not covered in part by other mounts", "no /proc can be made");

  for (size_t i = 0; i < DEVICES; i++) {
    char path[32];
    snprintf(path, sizeof path, "/dev/%s", device_names[i]);
    kept->devices[i] = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (kept->devices[i] < 0) fail(EXIT_OS, errno, NULL, "%s can't be taken along", path);
  }
  kept->terminal = take_terminal();
}

/* An image with nothing but /usr gets a root in memory around it. */
static int root_around_usr(void) {
  int root = new_file_system("tmpfs", "0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  if (root < 0) fail(EXIT_OS, errno, NULL, "no root can be made in memory");
  static const char *const folders[] = {"proc", "dev", "tmp", "run", "sys", "usr", "etc", "var", "root"};
  static const char *const links[] = {"bin", "sbin", "lib", "lib64"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) mkdirat(root, folders[i], 0755);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    char target[16];
    snprintf(target, sizeof target, "usr/%s", links[i]);
    if (symlinkat(target, root, links[i]) < 0) fail(EXIT_OS, errno, NULL, "/%s can't be made", links[i]);
  }
  return root;
}

static bool is_folder(int root, const char *name) {
  struct stat facts;
  return fstatat(root, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(facts.st_mode);
}

static void check_folders(int root) {
  char missing[64] = "";
  for (size_t i = 0; i < sizeof needed_folders / sizeof *needed_folders; i++) {
    if (is_folder(root, needed_folders[i])) continue;
    strcat(missing, missing[0] == '\0' ? "/" : ", /");
    strcat(missing, needed_folders[i]);
  }
  if (missing[0] != '\0') {
    fail(EXIT_IMAGE, 0, "make the image again with these empty folders in it", "the image can't be a root: it has no folder %s", missing);
  }
}

/* From here on the host's tree is gone from this namespace. */
static void become_root(int root) {
  /* any folder would do to put it on for a moment; /proc is there, and nobody needs the host's any more */
  if (move_mount(root, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0) fail(EXIT_OS, errno, NULL, "the image can't be attached");
  if (fchdir(root) < 0) fail(EXIT_OS, errno, NULL, "the image can't be entered");
  if (syscall(SYS_pivot_root, ".", ".") < 0) fail(EXIT_OS, errno, NULL, "the image can't become the root");
  /* the old root now lies on top of the new one */
  if (umount2(".", MNT_DETACH) < 0) fail(EXIT_OS, errno, NULL, "the host's root can't be let go");
  if (chdir("/") < 0) fail(EXIT_OS, errno, NULL, "the root can't be entered");
}

static void mount_new(const char *type, const char *where, unsigned long flags, const char *options) {
  if (mount(type, where, type, flags, options) < 0) fail(EXIT_OS, errno, NULL, "%s can't be mounted", where);
}

/* A single file of the host's, put on an empty one. */
static void put_device(int device, const char *name) {
  char path[32];
  snprintf(path, sizeof path, "/dev/%s", name);
  int node = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (node < 0 || move_mount(device, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    fail(EXIT_OS, errno, NULL, "%s can't be put in place", path);
  }
  close(node);
}

static void make_dev(const struct keepsakes *kept) {
  mount_new("tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=0755,size=1m");
  for (size_t i = 0; i < DEVICES; i++) put_device(kept->devices[i], device_names[i]);
  if (kept->terminal >= 0) put_device(kept->terminal, "console");
  static const char *const links[][2] = {
      {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"}, {"/proc/self/fd/1", "/dev/stdout"},
      {"/proc/self/fd/2", "/dev/stderr"}, {"pts/ptmx", "/dev/ptmx"},
  };
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
    if (symlink(links[i][0], links[i][1]) < 0) fail(EXIT_OS, errno, NULL, "%s can't be made", links[i][1]);
  }
  mkdir("/dev/pts", 0755);
  mkdir("/dev/shm", 0755);
  /* terminals belong to group 5, `tty`, by long custom */
  mount_new("devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
  mount_new("tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
}

/* Makes what is missing of a mount point. What can't be made shows when the mount does not find it. */
static void make_folders(const char *path) {
  char part[PATH_BYTES];
  for (size_t end = 1; end < sizeof part && path[end - 1] != '\0'; end++) {
    if (path[end] != '/' && path[end] != '\0') continue;
    memcpy(part, path, end);
    part[end] = '\0';
    mkdir(part, 0755);
  }
}

static void attach_rest(const struct container *container) {
  for (size_t i = 0; i < container->attachment_count; i++) {
    const struct attachment *next = &container->attachments[i];
    if (strcmp(next->target, "/") == 0) continue;
    make_folders(next->target);
    if (move_mount(next->fd, "", AT_FDCWD, next->target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0) continue;
    bool absent = errno == ENOENT;
    fail(absent ? EXIT_IMAGE : EXIT_OS, absent ? 0 : errno, absent ? "choose a folder that the first image has, or one below /tmp or /run" : NULL,
         absent ? "the first image has no folder %s, and is read-only" : "an image can't be attached to %s", next->target);
  }
}

void enter_root(const struct container *container, struct keepsakes *kept) {
  int root = -1;
  for (size_t i = 0; i < container->attachment_count; i++) {
    if (strcmp(container->attachments[i].target, "/") == 0) root = container->attachments[i].fd;
  }
  if (root < 0) root = root_around_usr();
  check_folders(root);
  bool has_run = is_folder(root, "run");

  mode_t callers = umask(0);
  become_root(root);
  if (move_mount(kept->proc, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0) fail(EXIT_OS, errno, NULL, "/proc can't be put in place");
  make_dev(kept);
  mount_new("tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777");
  if (has_run) mount_new("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755");
  attach_rest(container);
  umask(callers);

  /* the caller's keys stay outside; kernels without keys have nothing to leave */
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}
