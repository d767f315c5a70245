/**
 * Keeps many user namespaces, each by a descriptor and nothing else: `keeper COUNT UID`.
 * Prints "ready FIRST" when COUNT of them are open, numbered from FIRST; ends with its standard input.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char stack[65536] __attribute__((aligned(16)));

/** Shares our table of descriptors, so what it opens stays when it ends. */
static int open_new(void *unused) {
  (void)unused;
  return unshare(CLONE_NEWUSER) < 0 || open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC) < 0;
}

int main(int count, char **words) {
  if (count != 3) return 64;
  const int wanted = atoi(words[1]);
  const uid_t uid = (uid_t)atoi(words[2]);
  if (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0) return 71;
  const int first = 3;
  if (close_range(first, ~0U, 0) < 0) return 71;  // so that ours are numbered without a gap
  for (int i = 0; i < wanted; i++) {
    const pid_t child = clone(open_new, stack + sizeof stack, CLONE_FILES | CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) return 71;
  }
  printf("ready %d\n", first);
  fflush(stdout);
  char byte;
  return read(0, &byte, 1) < 0;
}
