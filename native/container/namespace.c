/* An empty user namespace: it lives on as the descriptor that is handed back, and nothing runs in it. */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HAND_BACK = 3 };

int make_namespace(void) {
  if (unshare(CLONE_NEWUSER) < 0) {
    const char *next = errno == ENOSPC ? "end some: this user or an ancestor has as many as it may (/proc/sys/user/max_user_namespaces)"
                                       : "`postern doctor` tells whether this system lets ordinary users make them";
    fail(EXIT_OS, errno, next, "no user namespace can be made");
  }
  int fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(EXIT_OS, errno, "is /proc mounted?", "/proc/self/ns/user can't be opened");

  char byte = 0;
  struct iovec data = {.iov_base = &byte, .iov_len = 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control = {0};
  struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (sendmsg(HAND_BACK, &message, MSG_NOSIGNAL) < 0) fail(EXIT_OS, errno, NULL, "the namespace can't be handed back");
  return 0;
}
