/**
 * What tests must do that neither Node nor a shell can.
 *
 *     probe datagram PATH              binds PATH, prints one datagram, and how many descriptors came with it
 *     probe enter hidden|traceable     enters the user namespace of descriptor 3 as the helper does, prints its pid, stays there;
 *                                      traceable: gives up what the helper relies on, to show that the attack below is real
 *     probe attack PID                 tries to trace, read and rob a process; prints the error of each way, or "ok"
 *     probe storm SIGNAL               sends a signal to everybody it may, again and again, for five seconds at most
 *     probe device PATH                opens a device node; prints the error or "ok"
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../../native/helper/helper.h"

static void tell(const char *what, long result) { printf("%s %s\n", what, result < 0 ? strerrorname_np(errno) : "ok"); }

static int datagram(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  const int socket_fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  if (bind(socket_fd, (struct sockaddr *)&address, sizeof address) < 0) return 1;
  puts("bound");
  fflush(stdout);
  char text[256];
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(8 * sizeof(int))];
  struct iovec part = {text, sizeof text - 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  const ssize_t length = recvmsg(socket_fd, &message, 0);
  if (length < 0) return 1;
  text[length] = '\0';
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  printf("%s %zu\n", text, header == NULL ? 0 : (header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  return 0;
}

static int stay_in(const char *how) {
  struct place place;
  take_place(&place);
  if (check_not_traceable(&place) != 0) return 1;
  const int error = enter(3, STDOUT_FILENO);
  if (error != 0) return error;
  if (strcmp(how, "traceable") == 0) prctl(PR_SET_DUMPABLE, 1);
  dprintf(STDOUT_FILENO, "%d\n", getpid());
  pause();
  return 0;
}

static int attack(pid_t pid) {
  char path[64];
  char byte;
  struct iovec ours = {&byte, 1};
  struct iovec theirs = {(void *)tell, 1};
  tell("process_vm_readv", process_vm_readv(pid, &ours, 1, &theirs, 1, 0));
  static const char *const files[] = {"mem", "environ", "maps", "fd", "map_files", "root", "cwd", "ns/user"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", pid, files[i]);
    tell(files[i], open(path, O_RDONLY));
  }
  const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  tell("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 1, 0));
  tell("ptrace", ptrace(PTRACE_SEIZE, pid, 0, 0));
  return 0;
}

static int storm(int signal_number) {
  alarm(5);
  puts("begun");
  fflush(stdout);
  for (;;) kill(-1, signal_number);
}

int main(int argc, char **argv) {
  if (argc < 3) return 125;
  if (strcmp(argv[1], "datagram") == 0) return datagram(argv[2]);
  if (strcmp(argv[1], "enter") == 0) return stay_in(argv[2]);
  if (strcmp(argv[1], "attack") == 0) return attack(atoi(argv[2]));
  if (strcmp(argv[1], "storm") == 0) return storm(atoi(argv[2]));
  if (strcmp(argv[1], "device") == 0) tell("open", open(argv[2], O_RDONLY | O_NONBLOCK));
  return 0;
}
