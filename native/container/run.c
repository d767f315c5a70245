/*
 * The process that a caller sees. It stays what it was, an ordinary process of the caller in the host's namespaces: it waits for
 * the container's init, passes signals on, and exits as it did.
 *
 *   outer (caller's uid, host) ── forks ── entrant (joins the user namespace, makes the others)
 *     └── waits for ── init (pid 1 inside), a sibling of the entrant by CLONE_PARENT
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Joins and makes the namespaces, leaves init behind as a child of the caller's process, and tells its pid. */
static _Noreturn void enter_and_leave_init(const struct container *container, int tell, int lifeline) {
  enter_user_namespace(container->user_namespace);
  int namespaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (container->private_network) namespaces |= CLONE_NEWNET;
  if (unshare(namespaces) < 0) {
    fail(EXIT_OS, errno, "see `postern doctor`, and the limits in /proc/sys/user", "the container's namespaces can't be made");
  }
  /* fork(), but the child's parent is ours: init outlives this process without a subreaper */
  pid_t init = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
  if (init < 0) fail(EXIT_OS, errno, NULL, "the container's first process can't be made");
  if (init == 0) {
    close(tell);
    run_init(container, lifeline);
  }
  if (write(tell, &init, sizeof init) != sizeof init) _exit(EXIT_OS);
  _exit(0);
}

static int exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

/* Waits for init, passing on what is sent to this process alone. */
static int attend(pid_t init, const sigset_t *signals) {
  for (;;) {
    siginfo_t heard;
    int number = sigwaitinfo(signals, &heard);
    if (number < 0) continue;
    if (number == SIGCHLD) {
      int status;
      for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == init) return exit_status(status);
      }
    } else if (heard.si_code != SI_KERNEL) {
      /* what the terminal sends goes to the whole foreground group: the command has it already */
      kill(init, number);
    }
  }
}

int run_container(const struct container *container) {
  sigset_t signals;
  sigemptyset(&signals);
  static const int passed_on[] = {SIGCHLD, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGALRM};
  for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++) sigaddset(&signals, passed_on[i]);
  sigprocmask(SIG_BLOCK, &signals, NULL);

  /* init looks at its end of the lifeline once, to see that we did not die before it asked to die with us */
  int tell[2], lifeline[2];
  if (pipe2(tell, O_CLOEXEC) < 0 || pipe2(lifeline, O_CLOEXEC) < 0) fail(EXIT_OS, errno, NULL, "no pipe");

  pid_t entrant = fork();
  if (entrant < 0) fail(EXIT_OS, errno, NULL, "no process can be made");
  if (entrant == 0) {
    close(tell[0]);
    close(lifeline[1]);
    enter_and_leave_init(container, tell[1], lifeline[0]);
  }
  close(tell[1]);
  close(lifeline[0]);
  close(container->user_namespace);
  for (size_t i = 0; i < container->attachment_count; i++) close(container->attachments[i].fd);

  pid_t init = 0;
  ssize_t told;
  do told = read(tell[0], &init, sizeof init);
  while (told < 0 && errno == EINTR);
  close(tell[0]);
  if (told != sizeof init) {
    int status;
    while (waitpid(entrant, &status, 0) < 0 && errno == EINTR) continue;
    int code = exit_status(status);
    return code == 0 ? EXIT_OS : code;
  }
  return attend(init, &signals);
}
