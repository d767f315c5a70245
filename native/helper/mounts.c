/**
 * Locks the flags of mounts: makes clones of which no user namespace can clear what is set of read-only, nosuid, nodev and
 * noexec. The kernel locks a mount's flags when it arrives in a mount namespace of another owner, by propagation too. So:
 *
 *     stage    our own mount namespace: a tmpfs with a few folders, shared
 *     mirror   a child in a user namespace of its own, with a copy of the stage that receives what is mounted there
 *
 * A mount that is moved onto the stage appears, locked, in the mirror, which clones it and hands the clone to the caller. No fork,
 * no new namespace, and nobody enters a namespace of a stranger.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/root.h"
#include "helper.h"

/** The socket to the mirror; -1 until the first mount is to be locked. */
static int mirror = -1;

/** The i-th folder of the stage. */
static const char *folder(size_t i) {
  static char path[24];
  snprintf(path, sizeof path, "/%zu", i);
  return path;
}

/** Leaves everything that was mounted behind: the stage becomes the root, and is shared with what will be copied from it. */
static int enter_stage(void) {
  if (unshare(CLONE_NEWNS) < 0) return -1;
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
  const int stage = make_tmpfs("0755", "32");
  if (stage < 0) return -1;
  int error = 0;
  for (size_t i = 0; i < HELPER_MAX_MOUNTS && error == 0; i++) {
    if (mkdirat(stage, folder(i) + 1, 0755) < 0) error = errno;
  }
  if (error == 0 && (become_root(stage) < 0 || mount(NULL, "/", NULL, MS_SHARED, NULL) < 0)) error = errno;
  close(stage);
  errno = error;
  return error == 0 ? 0 : -1;
}

/** Clones what lies in the i-th folder of the mirror. */
static int clone_of(size_t i) {
  const int clone = open_tree(AT_FDCWD, folder(i), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (clone < 0) return -1;
  // Nothing that happens to the stage later may reach the clone.
  struct mount_attr alone = {.propagation = MS_PRIVATE};
  if (mount_setattr(clone, "", AT_EMPTY_PATH, &alone, sizeof alone) == 0) return clone;
  const int reason = errno;
  close(clone);
  errno = reason;
  return -1;
}

/** Clones the first `count` folders and answers the caller; 0 or an errno. */
static int mirror_one(size_t count, int answer) {
  static struct helper_reply reply;
  int clones[HELPER_MAX_MOUNTS];
  size_t made = 0;
  int error = 0;
  while (made < count && error == 0) {
    const int clone = clone_of(made);
    if (clone < 0) error = errno;
    else clones[made++] = clone;
  }
  if (error == 0) send_reply(answer, &reply, clones, made);
  for (size_t i = 0; i < made; i++) close(clones[i]);
  return error;
}

/** What the stage tells the mirror, with the caller's socket; the mirror sends an errno back. */
struct order {
  uint32_t count;
};

static ssize_t send_order(int socket, size_t count, int answer) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
  struct order order = {(uint32_t)count};
  struct iovec part = {&order, sizeof order};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof answer);
  memcpy(CMSG_DATA(header), &answer, sizeof answer);
  return sendmsg(socket, &message, MSG_NOSIGNAL);
}

/** The mirror's whole life: ends with the stage. */
static _Noreturn void be_mirror(int stage) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  keep_only(stage, stage);
  int32_t error = unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0 ? errno : 0;
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // the new credentials took both away
  prctl(PR_SET_DUMPABLE, 0);
  if (send(stage, &error, sizeof error, MSG_NOSIGNAL) < 0 || error != 0) _exit(1);
  for (;;) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct order order;
    struct iovec part = {&order, sizeof order};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    if (recvmsg(stage, &message, MSG_CMSG_CLOEXEC) != sizeof order) _exit(0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) _exit(1);
    int answer;
    memcpy(&answer, CMSG_DATA(header), sizeof answer);
    error = order.count > HELPER_MAX_MOUNTS ? EBADMSG : mirror_one(order.count, answer);
    close(answer);
    if (send(stage, &error, sizeof error, MSG_NOSIGNAL) < 0) _exit(0);
  }
}

/** Sets up stage and mirror; 0 or an errno in the reply. A second try after a failure is not made: the helper ends with it. */
static int set_up(struct helper_reply *reply) {
  int pair[2];
  if (enter_stage() < 0) return failed(reply, "pivot_root", errno);
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return failed(reply, "socketpair", errno);
  const pid_t child = fork();
  if (child < 0) return failed(reply, "fork", errno);
  if (child == 0) be_mirror(pair[1]);
  close(pair[1]);
  int32_t error = EPIPE;
  if (recv(pair[0], &error, sizeof error, 0) != sizeof error || error != 0) return failed(reply, "unshare", error);
  mirror = pair[0];
  return 0;
}

bool lock_mounts(const int *mounts, size_t count, int answer, struct helper_reply *reply) {
  if (mirror < 0 && set_up(reply) != 0) {
    send_reply(answer, reply, NULL, 0);
    exit(1);
  }
  size_t moved = 0;
  while (moved < count && reply->error == 0) {
    if (move_mount(mounts[moved], "", AT_FDCWD, folder(moved), MOVE_MOUNT_F_EMPTY_PATH) == 0) moved += 1;
    else failed(reply, "move_mount", errno);
  }
  if (reply->error == 0) {
    int32_t error = EPIPE;
    if (send_order(mirror, count, answer) < 0 || recv(mirror, &error, sizeof error, 0) != sizeof error) {
      failed(reply, "recv", EPIPE);
      send_reply(answer, reply, NULL, 0);
      exit(1);  // without its mirror the helper is of no use; the caller starts another
    }
    if (error != 0) failed(reply, "open_tree", error);
  }
  while (moved > 0) umount2(folder(--moved), MNT_DETACH);
  return reply->error == 0;
}
