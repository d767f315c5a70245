/* Pid 1 of the container: small enough to read, since everything inside depends on it. */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <linux/close_range.h>
#include <linux/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Dies with the caller's process, also when that was killed before we could ask for it. */
static void die_with_caller(int lifeline) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct pollfd end = {.fd = lifeline, .events = POLLIN};
  if (poll(&end, 1, 0) > 0) _exit(EXIT_OS);
  close(lifeline);
}

/* A network namespace starts with its loopback interface down. */
static void raise_loopback(void) {
  struct ifreq request = {.ifr_name = "lo"};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  if (ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
    request.ifr_flags |= IFF_UP;
    ioctl(fd, SIOCSIFFLAGS, &request);
  }
  close(fd);
}

static _Noreturn void start_command(const struct container *container) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  /* before the change of user: without no_new_privs, which `su` would not survive, a filter needs CAP_SYS_ADMIN */
  guard_terminal();
  if (container->gid != 0 && setresgid(container->gid, container->gid, container->gid) < 0) {
    fail(EXIT_OS, errno, "IDs inside go from 0 to 65535", "group %u can't be taken", container->gid);
  }
  if (container->uid != 0 && setresuid(container->uid, container->uid, container->uid) < 0) {
    fail(EXIT_OS, errno, "IDs inside go from 0 to 65535", "user %u can't be taken", container->uid);
  }
  execute(container->command);
}

_Noreturn void run_init(const struct container *container, int lifeline) {
  die_with_caller(lifeline);
  struct keepsakes kept;
  take_keepsakes(&kept);
  enter_root(container, &kept);
  if (sethostname(container->hostname, strlen(container->hostname)) < 0) {
    fail(EXIT_OS, errno, "choose another with --hostname", "the host name %s can't be set", container->hostname);
  }
  if (container->private_network) raise_loopback();
  close_range(3, ~0U, 0);

  /* everything blocked: what is not waited for here does nothing to pid 1, as the kernel wants it */
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  pid_t command = fork();
  if (command < 0) fail(EXIT_OS, errno, NULL, "the command's process can't be made");
  if (command == 0) start_command(container);
  /* for `ps` inside: nobody there needs the caller's command line; it is long enough, since it has options in it */
  memset(container->line, 0, container->line_size);
  strcpy(container->line, "postern-init");
  prctl(PR_SET_NAME, "postern-init");

  for (;;) {
    siginfo_t heard;
    int number = sigwaitinfo(&all, &heard);
    if (number == SIGCHLD) {
      int status;
      for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == command) _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
      }
    } else if (number > 0 && heard.si_code != SI_KERNEL) {
      kill(command, number);
    }
  }
}
