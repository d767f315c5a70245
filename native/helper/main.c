/**
 * The namespace helper: does, one request at a time, what must be done in namespaces that Node's threads must not enter.
 * Started by the addon (`spawnHelper`) with one socket; see wire.h for what comes over it. Ends with that socket, or with its parent.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper.h"

/** A request as it came, with descriptors that are ours to close. */
struct received {
  struct helper_request request;
  int fds[HELPER_MAX_DESCRIPTORS];
  size_t count;
};

/** Returns the bytes of the request; 0 at the end, -1 on an error. Descriptors that came are in `received` either way. */
static ssize_t receive(int socket, struct received *received) {
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof received->fds)];
  struct iovec part = {&received->request, sizeof received->request};
  // The length, not the space: in what that adds for alignment the kernel would put one descriptor more than there is room for.
  const size_t length = CMSG_LEN(sizeof received->fds);
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = length};
  received->count = 0;
  const ssize_t bytes = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (bytes < 0) return -1;
  for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    received->count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(received->fds, CMSG_DATA(header), received->count * sizeof(int));
  }
  return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ? 1 : bytes;  // 1 byte is no request
}

/** Does what the request asks; true when it has been answered already. */
static bool serve(const struct place *place, const struct received *received, struct helper_reply *reply) {
  const int *fds = received->fds + 1;
  const size_t count = received->count - 1;
  switch (received->request.action) {
    case HELPER_WRITE_MAPS:
      if (count == 1) write_maps(place, &received->request, fds[0], reply);
      else failed(reply, "recvmsg", EBADMSG);
      return false;
    case HELPER_READ_MAPS:
      if (count == 1) read_maps(place, fds[0], reply);
      else failed(reply, "recvmsg", EBADMSG);
      return false;
    case HELPER_LOCK_MOUNTS:
      if (count >= 1) return lock_mounts(fds, count, received->fds[0], reply);
      failed(reply, "recvmsg", EBADMSG);
      return false;
    case HELPER_MAKE_NAMESPACE:
      if (count == 0) return make_namespace(place, &received->request, received->fds[0], reply);
      failed(reply, "recvmsg", EBADMSG);
      return false;
    case HELPER_CLONE_DIRECTORY:
      if (count == 2) return clone_directory(fds[0], fds[1], received->request.attributes, received->fds[0], reply);
      failed(reply, "recvmsg", EBADMSG);
      return false;
    default:
      failed(reply, "recvmsg", EBADMSG);
      return false;
  }
}

/** Where a standard stream is closed, nothing that we open may take its number: a message to it would go astray. */
static void fill_standard_streams(void) {
  while (true) {
    const int fd = open("/", O_PATH);
    if (fd < 0 || fd > HELPER_SOCKET) {
      if (fd > HELPER_SOCKET) close(fd);
      return;
    }
  }
}

int main(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  close_range(HELPER_SOCKET + 1, ~0U, 0);
  fill_standard_streams();
  struct place place;
  take_place(&place);
  for (;;) {
    struct received received;
    static struct helper_reply reply;
    const ssize_t bytes = receive(HELPER_SOCKET, &received);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return bytes < 0;
    if (received.count > 0) {  // without a reply socket there is nobody to tell
      memset(&reply, 0, sizeof reply);
      bool answered = false;
      if (bytes == sizeof received.request) answered = serve(&place, &received, &reply);
      else failed(&reply, "recvmsg", EBADMSG);
      if (!answered) send_reply(received.fds[0], &reply, NULL, 0);
    }
    for (size_t i = 0; i < received.count; i++) close(received.fds[i]);
  }
}
