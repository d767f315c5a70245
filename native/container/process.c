/* The small things that every part needs: failing plainly, a clean process, becoming root of a range, running the command. */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Noreturn void fail(int status, int error, const char *next, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("postern: ", stderr);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  if (error != 0) fprintf(stderr, ": %s", strerror(error));
  if (next != NULL) fprintf(stderr, "\n  next  %s", next);
  fputc('\n', stderr);
  _exit(status);
}

void restore_process(void) {
  /* exec keeps ignored signals ignored (Node ignores SIGPIPE) and blocked ones blocked */
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* Node makes pipes non-blocking, and that flag belongs to the open file, not to the process */
  for (int fd = 0; fd <= 2; fd++) {
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_NONBLOCK) != 0) fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
  }
}

void enter_user_namespace(int user_namespace) {
  if (setns(user_namespace, CLONE_NEWUSER) < 0) fail(EXIT_OS, errno, NULL, "the user namespace can't be entered");
  /* by system call: glibc would tell other threads, of which there are none */
  if (syscall(SYS_setgroups, 0, NULL) < 0) fail(EXIT_OS, errno, NULL, "the caller's groups can't be dropped");
  if (setresgid(0, 0, 0) < 0) fail(EXIT_OS, errno, NULL, "group 0 of the range can't be taken");
  if (setresuid(0, 0, 0) < 0) fail(EXIT_OS, errno, NULL, "user 0 of the range can't be taken");
}

/* Whether PATH leads to such a file at all: execvp answers EACCES for a folder that can't be searched, too. */
static bool is_on_path(const char *name) {
  const char *path = getenv("PATH");
  char candidate[PATH_MAX];
  for (const char *folder = path == NULL ? "" : path; *folder != '\0';) {
    size_t length = strcspn(folder, ":");
    int written = snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, folder, name);
    if (written > 0 && (size_t)written < sizeof candidate && access(candidate, F_OK) == 0) return true;
    folder += length + (folder[length] == ':');
  }
  return false;
}

_Noreturn void execute(char *const *command) {
  close_range(3, ~0U, 0);
  execvp(command[0], command);
  int error = errno;
  if (error == EACCES && strchr(command[0], '/') == NULL && !is_on_path(command[0])) error = ENOENT;
  bool missing = error == ENOENT || error == ENOTDIR;
  fail(missing ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE, error, NULL, "%s can't be run", command[0]);
}
