/**
 * launcher OPTIONS -- PROGRAM ARGS: runs a service's program with nothing but what its options name.
 *
 *     --bind SRC:DST       the service sees SRC at DST, read-only; programs there run
 *     --bind-rw SRC:DST    the same, writable; no programs
 *     --dev-bind SRC:DST   the same, read-only; device nodes work, programs do not
 *     --symlink TO:PATH    a symbolic link in the view
 *     --system             /usr, and /bin /sbin /lib /lib64 as the host has them: links into /usr, or folders
 *     --proc               the host's /proc
 *     --tmp                a private, empty /tmp
 *     --no-network         a network namespace of its own, without a network (and without the host's abstract sockets)
 *     --no-ipc             a System V and POSIX message queue namespace of its own
 *     --uid N --gid N      who it runs as; no supplementary groups. Default: 0
 *     --caps A,B           the capabilities that it keeps (cap_sys_admin, ...), and the only ones it can ever have. Default: none
 *     --keep-fd N          a descriptor besides 0, 1 and 2 that it inherits
 *     --env NAME=VALUE     a variable of its otherwise empty environment
 *
 * launcher --empty-root PID: puts an empty read-only folder in the place of the root of PID, which must descend from our parent.
 * It can open no path any more; what it has open or mapped keeps working.
 *
 * Ends with 125 for wrong usage, 126 where the service can't be set up, 127 where its program can't be run, each with one line on
 * standard error; otherwise the program is in our place. It dies with our parent.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launcher.h"

void fail(int status, const char *step, const char *subject) {
  const char *space = subject[0] == '\0' ? "" : " ";
  fprintf(stderr, "launcher: %s%s%s: %s\n", step, space, subject, strerror(errno));
  exit(status);
}

/** Dies with the parent. Asked for last: the kernel forgets it at each change of credentials. */
static void die_with(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) fail(EXIT_SET_UP, "PR_SET_PDEATHSIG", "");
  if (getppid() != parent) exit(EXIT_SET_UP);  // too late: it is dead, and nobody is there to be told
}

int main(int argc, char **argv) {
  static struct options options;
  const pid_t parent = getppid();
  read_options(argc, argv, &options);
  if (options.empty_root != 0) {
    empty_root_of(options.empty_root);
    return 0;
  }
  umask(077);
  // open
  open_view(&options);
  // isolate
  enter_view(&options);
  keep_descriptors(&options);
  // drop
  drop_privileges(&options);
  die_with(parent);
  // exec
  execve(options.program[0], options.program, options.environment);
  fail(EXIT_EXEC, "execve", options.program[0]);
}
