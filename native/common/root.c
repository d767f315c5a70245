#define _GNU_SOURCE

#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

int make_tmpfs(const char *mode, const char *inodes) {
  const int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int mount = -1;
  if (fsconfig(context, FSCONFIG_SET_STRING, "mode", mode, 0) == 0 &&
      fsconfig(context, FSCONFIG_SET_STRING, "nr_inodes", inodes, 0) == 0 &&
      fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  }
  const int error = errno;
  close(context);
  errno = error;
  return mount;
}

int become_root(int mount) {
  if (move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) return -1;
  if (fchdir(mount) < 0) return -1;
  // The old root lands on top of the new one, where the next call takes it away.
  if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
  if (umount2(".", MNT_DETACH) < 0) return -1;
  return chdir("/");
}
