/*
 * A program that shares the caller's terminal could type into it: TIOCSTI and TIOCLINUX put characters where the caller's shell
 * reads its next command. Newer kernels can switch that off; this holds on all of them.
 */
#define _GNU_SOURCE
#include "container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

#define WITHOUT_X32_BIT 0xbfffffffU
enum { IOCTL_X32 = 514, IOCTL_32_BIT = 54 };

/* Little-endian machines only, as all that Postern runs on: the lower half of a 64-bit argument comes first. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the filter reads the lower half of an argument");

void guard_terminal(void) {
  int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);
  bool has_terminal = terminal >= 0;
  if (has_terminal) close(terminal);
  for (int fd = 0; fd <= 2; fd++) has_terminal = has_terminal || isatty(fd);
  if (!has_terminal) return;

  /* ioctl is one of three numbers: this architecture's, that of 32-bit programs, that of x32 with its marking bit taken off.
     What else has such a number never has these two values as its second argument. */
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, WITHOUT_X32_BIT),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IOCTL_X32, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IOCTL_32_BIT, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0) {
    fail(EXIT_OS, errno, "run it without a terminal", "the terminal can't be guarded");
  }
}
