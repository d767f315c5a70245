/**
 * Clones the mount that a stranger's directory is in. The kernel lets a process clone only what is in its own mount namespace, so a child
 * joins that of the directory. It looks nothing up there: whatever is mounted where, the clone is of the very directory that the
 * descriptor stands for, and without what is mounted below it.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "helper.h"

struct visit {
  int directory;
  int mount_namespace;
  uint32_t attributes;
  int answer;
  struct helper_reply *reply;
  bool answered;
};

/** Nothing that happens to the original later may reach the clone: it leaves the group of mounts that share what is mounted. */
static int set_attributes(int clone, uint32_t attributes) {
  struct mount_attr wanted = {.attr_set = attributes, .propagation = MS_PRIVATE};
  return mount_setattr(clone, "", AT_EMPTY_PATH, &wanted, sizeof wanted);
}

static int pay_visit(void *argument) {
  struct visit *visit = argument;
  if (setns(visit->mount_namespace, CLONE_NEWNS) < 0) {
    failed(visit->reply, "setns", errno);
    _exit(0);
  }
  const int clone = open_tree(visit->directory, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (clone < 0) failed(visit->reply, "open_tree", errno);
  else if (set_attributes(clone, visit->attributes) < 0) failed(visit->reply, "mount_setattr", errno);
  else {
    send_reply(visit->answer, visit->reply, &clone, 1);
    visit->answered = true;
  }
  _exit(0);
}

bool clone_directory(int directory, int mount_namespace, uint32_t attributes, int answer, struct helper_reply *reply) {
  struct visit visit = {directory, mount_namespace, attributes, answer, reply, false};
  const pid_t child = start_child(pay_visit, &visit, 0);
  if (child < 0) {
    failed(reply, "clone", errno);
    return false;
  }
  const int status = await_end(child);
  bury(child);
  if (!visit.answered && reply->error == 0) failed(reply, "clone", status != 0 ? status : ECANCELED);
  return visit.answered;
}
