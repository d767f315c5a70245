/** Answers to a caller. */
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "helper.h"

int failed(struct helper_reply *reply, const char *step, int error) {
  reply->error = error;
  snprintf(reply->step, sizeof reply->step, "%s", step);
  return error;
}

static void attach(struct msghdr *message, char *control, const int *fds, size_t count) {
  const size_t length = count * sizeof(int);
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(length);
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(header), fds, length);
}

void send_reply(int socket, const struct helper_reply *reply, const int *fds, size_t count) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(HELPER_MAX_MOUNTS * sizeof(int))] = {0};
  struct iovec part = {(void *)reply, sizeof *reply};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (count > 0) attach(&message, control, fds, count);
  (void)!sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
