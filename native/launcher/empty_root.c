/** Taking the root away from a service that has opened all it needs. */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../common/root.h"
#include "launcher.h"

/** The parent of a process, from /proc/PID/stat; 0 where there is none. */
static pid_t parent_of(int proc, pid_t pid) {
  char path[32];
  char text[512];
  snprintf(path, sizeof path, "%d/stat", pid);
  const int file = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return 0;
  text[length] = '\0';
  // The name before it may hold anything, a bracket too: the last one ends it.
  const char *behind_name = strrchr(text, ')');
  int parent = 0;
  if (behind_name == NULL || sscanf(behind_name + 1, " %*c %d", &parent) != 1) return 0;
  return parent;
}

static bool descends_from(int proc, pid_t pid, pid_t ancestor) {
  for (pid_t at = parent_of(proc, pid); at > 0; at = parent_of(proc, at)) {
    if (at == ancestor) return true;
  }
  return false;
}

/** True when the path leads to the root that we are in now. */
static bool leads_here(int proc, const char *path) {
  struct stat there, here;
  return fstatat(proc, path, &there, 0) == 0 && stat("/", &here) == 0 && there.st_dev == here.st_dev && there.st_ino == here.st_ino;
}

/** No thread may have kept the old tree as its root or working directory. */
static void check_every_thread(int proc, pid_t pid) {
  char path[64];
  snprintf(path, sizeof path, "%d/task", pid);
  const int folder = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *threads = folder < 0 ? NULL : fdopendir(folder);
  if (threads == NULL) fail(EXIT_SET_UP, "open", path);
  for (struct dirent *thread = readdir(threads); thread != NULL; thread = readdir(threads)) {
    const long id = strtol(thread->d_name, NULL, 10);
    if (id <= 0) continue;
    static const char *const links[] = {"root", "cwd"};
    for (size_t i = 0; i < 2; i++) {
      snprintf(path, sizeof path, "%d/task/%ld/%s", pid, id, links[i]);
      if (leads_here(proc, path)) continue;
      errno = EBUSY;
      fail(EXIT_SET_UP, "working directory", path);
    }
  }
  closedir(threads);
}

void empty_root_of(pid_t pid) {
  char text[16];
  snprintf(text, sizeof text, "%d", pid);
  const int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) fail(EXIT_SET_UP, "open", "/proc");
  // The number is the process's for as long as the descriptor is good, which is asked last.
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (pidfd < 0) fail(EXIT_SET_UP, "pidfd_open", text);
  const bool is_ours = descends_from(proc, pid, getppid());
  if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0) fail(EXIT_SET_UP, "pidfd_send_signal", text);
  if (!is_ours) {
    errno = EPERM;
    fail(EXIT_SET_UP, "not a child of our parent", text);
  }

  // Its view is its own, or this would take the root from everybody.
  struct stat theirs, ours;
  char path[32];
  snprintf(path, sizeof path, "%d/ns/mnt", pid);
  if (fstatat(proc, path, &theirs, 0) < 0 || fstatat(proc, "self/ns/mnt", &ours, 0) < 0) fail(EXIT_SET_UP, "stat", path);
  if (theirs.st_ino == ours.st_ino) {
    errno = EPERM;
    fail(EXIT_SET_UP, "no mount namespace of its own", text);
  }

  const int root = make_tmpfs("0555", "1");
  if (root < 0) fail(EXIT_SET_UP, "tmpfs", "");
  struct mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
  if (mount_setattr(root, "", AT_EMPTY_PATH, &sealed, sizeof sealed) < 0) fail(EXIT_SET_UP, "mount_setattr", "");
  if (setns(pidfd, CLONE_NEWNS) < 0) fail(EXIT_SET_UP, "setns", text);
  if (become_root(root) < 0) fail(EXIT_SET_UP, "pivot_root", text);
  check_every_thread(proc, pid);
}
