/** Messages with descriptors over Unix sockets. */
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "edge.h"

namespace postern {

namespace {

/** SCM_MAX_FD: the kernel takes no more in one message. */
constexpr size_t kMaxDescriptors = 253;

/** Room for one SCM_RIGHTS message, aligned as the macros expect. */
struct Control {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kMaxDescriptors * sizeof(int))];
};

/** Puts the descriptors in front of the message, if there are any. */
void Attach(msghdr* message, Control* control, const std::vector<int>& fds) {
  if (fds.empty()) return;
  const size_t length = fds.size() * sizeof(int);
  memset(control->bytes, 0, CMSG_SPACE(length));
  message->msg_control = control->bytes;
  message->msg_controllen = CMSG_SPACE(length);
  cmsghdr* header = CMSG_FIRSTHDR(message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(length);
  memcpy(CMSG_DATA(header), fds.data(), length);
}

Napi::Value Send(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  const Bytes data = arguments.View("data");
  const std::vector<int> fds = arguments.Descriptors("descriptors", kMaxDescriptors);
  if (arguments.Failed()) return {};
  // The receiver of an empty packet could not tell it from the end of the connection.
  if (data.length == 0) return SystemError(env, "sendmsg", EINVAL);
  iovec part = {data.data, data.length};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  Attach(&message, &control, fds);
  const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent >= 0) return Napi::Number::New(env, static_cast<double>(sent));
  if (errno == EAGAIN || errno == EINTR) return env.Null();
  return SystemError(env, "sendmsg");
}

Napi::Value Receive(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  const Bytes buffer = arguments.View("buffer");
  const uint32_t wanted = arguments.Unsigned32("maxDescriptors");
  if (arguments.Failed()) return {};
  const size_t most = wanted < kMaxDescriptors ? wanted : kMaxDescriptors;
  iovec part = {buffer.data, buffer.length};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  if (most > 0) {
    message.msg_control = control.bytes;
    message.msg_controllen = CMSG_LEN(most * sizeof(int));  // not CMSG_SPACE: its padding would let one more in
  }
  const ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (received < 0) {
    if (errno == EAGAIN || errno == EINTR) return env.Null();
    return SystemError(env, "recvmsg");
  }
  Napi::Array descriptors = Napi::Array::New(env);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      descriptors.Set(descriptors.Length(), Napi::Number::New(env, fd));
    }
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("bytes", static_cast<double>(received));
  result.Set("descriptors", descriptors);
  result.Set("truncated", Napi::Boolean::New(env, (message.msg_flags & MSG_TRUNC) != 0));
  result.Set("controlTruncated", Napi::Boolean::New(env, (message.msg_flags & MSG_CTRUNC) != 0));
  return result;
}

Napi::Value Peek(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  const Bytes buffer = arguments.View("buffer");
  if (arguments.Failed()) return {};
  const ssize_t waiting = recv(socket, buffer.data, buffer.length, MSG_PEEK | MSG_DONTWAIT);
  if (waiting >= 0) return Napi::Number::New(env, static_cast<double>(waiting));
  if (errno == EAGAIN || errno == EINTR) return env.Null();
  return SystemError(env, "recv");
}

Napi::Value UnreadByPeer(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  if (arguments.Failed()) return {};
  int bytes = 0;
  if (ioctl(socket, SIOCOUTQ, &bytes) < 0) return SystemError(env, "ioctl(SIOCOUTQ)");
  return Napi::Number::New(env, bytes);
}

Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  const Bytes data = arguments.View("data");
  const std::vector<int> fds = arguments.Descriptors("descriptors", kMaxDescriptors);
  if (arguments.Failed()) return {};
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return SystemError(env, "sendmsg", ENAMETOOLONG);
  memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  Owned socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.fd() < 0) return SystemError(env, "socket");
  iovec part = {data.data, data.length};
  msghdr message = {};
  message.msg_name = &address;
  message.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  Attach(&message, &control, fds);
  if (sendmsg(socket.fd(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) return SystemError(env, "sendmsg");
  return env.Undefined();
}

}  // namespace

void AddMessages(Napi::Env env, Napi::Object exports) {
  exports.Set("send", Napi::Function::New(env, Send, "send"));
  exports.Set("receive", Napi::Function::New(env, Receive, "receive"));
  exports.Set("peek", Napi::Function::New(env, Peek, "peek"));
  exports.Set("unreadByPeer", Napi::Function::New(env, UnreadByPeer, "unreadByPeer"));
  exports.Set("sendDatagram", Napi::Function::New(env, SendDatagram, "sendDatagram"));
}

}  // namespace postern
