/** The tree of mounts that a service sees. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/root.h"
#include "launcher.h"

/** Folders of the host's root that are links into /usr, or folders of their own on older systems. */
static const char *const system_folders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64"};

/** Folders, mount points and links of a view: a few dozen. */
static const char *const root_inodes = "256";

/** What a private /tmp may hold: unix sockets and small files. */
static const char *const tmp_inodes = "1024";

static uint64_t attributes_of(enum access access) {
  switch (access) {
    case ACCESS_READ: return MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    case ACCESS_WRITE: return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    case ACCESS_DEVICES: return MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    case ACCESS_PROC: return MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  }
  return 0;
}

/** A detached clone of a part of the host's tree. What the host unmounts there later goes away here too. */
static int clone_of(const struct entry *entry) {
  // What is mounted below /proc (binfmt_misc) is no part of it.
  const unsigned depth = entry->access == ACCESS_PROC ? 0 : AT_RECURSIVE;
  const int mount = open_tree(AT_FDCWD, entry->source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth);
  if (mount < 0) fail(EXIT_SET_UP, "open_tree", entry->source);
  struct mount_attr attributes = {.attr_set = attributes_of(entry->access), .propagation = MS_SLAVE};
  if (mount_setattr(mount, "", AT_EMPTY_PATH | depth, &attributes, sizeof attributes) < 0) {
    fail(EXIT_SET_UP, "mount_setattr", entry->source);
  }
  return mount;
}

static struct entry *next_entry(struct options *options) {
  if (options->entry_count == MAX_ENTRIES) {
    errno = E2BIG;
    fail(EXIT_SET_UP, "view", "");
  }
  return &options->entries[options->entry_count++];
}

/** Adds /usr, and what of the host's root leads into it. */
static void add_system(struct options *options) {
  static char targets[sizeof system_folders / sizeof system_folders[0]][PATH_MAX];
  *next_entry(options) = (struct entry){ACCESS_READ, "/usr", "/usr", -1};
  for (size_t i = 0; i < sizeof system_folders / sizeof system_folders[0]; i++) {
    struct stat st;
    if (lstat(system_folders[i], &st) < 0) continue;
    if (S_ISDIR(st.st_mode)) {
      *next_entry(options) = (struct entry){ACCESS_READ, system_folders[i], system_folders[i], -1};
    } else if (options->link_count < MAX_ENTRIES && readlink(system_folders[i], targets[i], PATH_MAX - 1) > 0) {
      options->links[options->link_count++] = (struct link){targets[i], system_folders[i]};
    }
  }
}

void open_view(struct options *options) {
  if (options->system) add_system(options);
  for (size_t i = 0; i < options->entry_count; i++) options->entries[i].mount = clone_of(&options->entries[i]);
}

/** Makes the folders on the way to a path of the new root. */
static void make_parents(const char *path) {
  char part[PATH_MAX];
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) {
    errno = ENAMETOOLONG;
    fail(EXIT_SET_UP, "mkdir", path);
  }
  for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(part, 0755) < 0 && errno != EEXIST) fail(EXIT_SET_UP, "mkdir", part);
    *slash = '/';
  }
}

/** A place to mount on, of the same kind as what will be there. */
static void make_place(const struct entry *entry) {
  struct stat st;
  if (fstat(entry->mount, &st) < 0) fail(EXIT_SET_UP, "fstat", entry->source);
  make_parents(entry->target);
  if (S_ISDIR(st.st_mode)) {
    if (mkdir(entry->target, 0755) < 0 && errno != EEXIST) fail(EXIT_SET_UP, "mkdir", entry->target);
  } else if (mknod(entry->target, S_IFREG | 0444, 0) < 0 && errno != EEXIST) {
    fail(EXIT_SET_UP, "mknod", entry->target);
  }
}

static void mount_tmp(void) {
  const int tmp = make_tmpfs("1777", tmp_inodes);
  if (tmp < 0) fail(EXIT_SET_UP, "tmpfs", "/tmp");
  if (mkdir("/tmp", 0755) < 0 && errno != EEXIST) fail(EXIT_SET_UP, "mkdir", "/tmp");
  if (move_mount(tmp, "", AT_FDCWD, "/tmp", MOVE_MOUNT_F_EMPTY_PATH) < 0) fail(EXIT_SET_UP, "move_mount", "/tmp");
  close(tmp);
}

void enter_view(const struct options *options) {
  const int others = (options->no_network ? CLONE_NEWNET : 0) | (options->no_ipc ? CLONE_NEWIPC : 0);
  if (unshare(CLONE_NEWNS | others) < 0) fail(EXIT_SET_UP, "unshare", "");
  // Nothing that is mounted here shows on the host.
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) fail(EXIT_SET_UP, "mount", "/");
  const int root = make_tmpfs("0755", root_inodes);
  if (root < 0) fail(EXIT_SET_UP, "tmpfs", "/");
  if (become_root(root) < 0) fail(EXIT_SET_UP, "pivot_root", "/");

  const mode_t mask = umask(0);
  for (size_t i = 0; i < options->entry_count; i++) {
    const struct entry *entry = &options->entries[i];
    make_place(entry);
    if (move_mount(entry->mount, "", AT_FDCWD, entry->target, MOVE_MOUNT_F_EMPTY_PATH) < 0) {
      fail(EXIT_SET_UP, "move_mount", entry->target);
    }
    close(entry->mount);
  }
  for (size_t i = 0; i < options->link_count; i++) {
    make_parents(options->links[i].path);
    if (symlink(options->links[i].target, options->links[i].path) < 0) fail(EXIT_SET_UP, "symlink", options->links[i].path);
  }
  if (options->tmp) mount_tmp();
  umask(mask);

  struct mount_attr sealed = {.attr_set = MOUNT_ATTR_RDONLY};
  if (mount_setattr(root, "", AT_EMPTY_PATH, &sealed, sizeof sealed) < 0) fail(EXIT_SET_UP, "mount_setattr", "/");
  close(root);
}
