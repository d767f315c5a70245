/** Sockets: making, listening, connecting, and who is at the other end. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "edge.h"

namespace postern {

namespace {

/** Linux 6.5; not in the headers of older C libraries. */
constexpr int kSoPeerPidfd = 77;

/** How long `connect` waits for a place in a full backlog. */
constexpr time_t kConnectTimeoutSeconds = 5;

/** False where the path does not fit, or is empty. */
bool AddressOf(const std::string& path, sockaddr_un* address, socklen_t* length) {
  *address = {};
  address->sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address->sun_path) return false;
  memcpy(address->sun_path, path.data(), path.size());
  *length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  if (path[0] == '@') {  // an abstract name has no file and no final NUL
    address->sun_path[0] = '\0';
    *length -= 1;
  }
  return true;
}

/** Past net.core.wmem_max, which is small on most systems, where we hold CAP_NET_ADMIN; up to it otherwise. */
bool SetBuffer(int fd, int force, int plain, int bytes) {
  return setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) == 0 || setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes) == 0;
}

bool SetBuffers(int fd, int bytes) {
  if (!SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, bytes)) return false;
  if (!SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, bytes)) return false;
  int got = 0;
  socklen_t length = sizeof got;
  if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &length) < 0) return false;
  if (got >= bytes) return true;
  errno = ENOBUFS;  // the kernel caps silently at net.core.wmem_max
  return false;
}

Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const uint32_t bytes = arguments.Unsigned32("bufferBytes");
  if (arguments.Failed()) return {};
  if (bytes > INT32_MAX) return SystemError(env, "setsockopt", EINVAL);
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0) return SystemError(env, "socketpair");
  Owned one(fds[0]);
  Owned other(fds[1]);
  for (const int fd : fds) {
    if (!SetBuffers(fd, static_cast<int>(bytes))) return SystemError(env, "setsockopt");
  }
  one.Release();
  other.Release();
  return DescriptorList(env, fds, 2);
}

/** True when nobody accepts at the address any more, so that its file may be replaced. */
bool IsAbandoned(const sockaddr_un& address, socklen_t length) {
  Owned probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.fd() < 0) return false;
  return connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), length) < 0 && errno == ECONNREFUSED;
}

Napi::Value Listen(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  const uint32_t mode = arguments.Unsigned32("mode");
  const uint32_t backlog = arguments.Unsigned32("backlog");
  if (arguments.Failed()) return {};
  sockaddr_un address;
  socklen_t length = 0;
  if (!AddressOf(path, &address, &length)) return SystemError(env, "bind", ENAMETOOLONG);
  const bool is_file = path[0] != '@';

  Owned listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (listener.fd() < 0) return SystemError(env, "socket");
  // The mode of the socket before bind is the mode its file is born with, so that it is at no time wider than asked.
  if (is_file && fchmod(listener.fd(), mode) < 0) return SystemError(env, "fchmod");
  const sockaddr* name = reinterpret_cast<const sockaddr*>(&address);
  if (bind(listener.fd(), name, length) < 0) {
    struct stat st;
    if (errno != EADDRINUSE || !is_file) return SystemError(env, "bind");
    if (lstat(path.c_str(), &st) < 0) return SystemError(env, "lstat");
    if (!S_ISSOCK(st.st_mode) || !IsAbandoned(address, length)) return SystemError(env, "bind", EADDRINUSE);
    if (unlink(path.c_str()) < 0) return SystemError(env, "unlink");
    if (bind(listener.fd(), name, length) < 0) return SystemError(env, "bind");
  }
  if (is_file && chmod(path.c_str(), mode) < 0) return SystemError(env, "chmod");  // what the umask took away
  if (listen(listener.fd(), static_cast<int>(backlog > INT32_MAX ? INT32_MAX : backlog)) < 0) return SystemError(env, "listen");
  return Napi::Number::New(env, listener.Release());
}

Napi::Value Connect(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  if (arguments.Failed()) return {};
  sockaddr_un address;
  socklen_t length = 0;
  if (!AddressOf(path, &address, &length)) return SystemError(env, "connect", ENAMETOOLONG);
  Owned connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.fd() < 0) return SystemError(env, "socket");
  timeval patience = {kConnectTimeoutSeconds, 0};
  if (setsockopt(connection.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0) return SystemError(env, "setsockopt");
  if (connect(connection.fd(), reinterpret_cast<sockaddr*>(&address), length) < 0) return SystemError(env, "connect");
  const int flags = fcntl(connection.fd(), F_GETFL);
  if (flags < 0 || fcntl(connection.fd(), F_SETFL, flags | O_NONBLOCK) < 0) return SystemError(env, "fcntl");
  return Napi::Number::New(env, connection.Release());
}

Napi::Value Accept(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int listener = arguments.Descriptor("listener");
  if (arguments.Failed()) return {};
  const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection >= 0) return Napi::Number::New(env, connection);
  if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return env.Null();
  return SystemError(env, "accept4");
}

bool PeerOf(int socket, ucred* peer) {
  socklen_t length = sizeof *peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, peer, &length) == 0;
}

Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  if (arguments.Failed()) return {};
  ucred peer;
  if (!PeerOf(socket, &peer)) return SystemError(env, "getsockopt(SO_PEERCRED)");
  Napi::Object credentials = Napi::Object::New(env);
  credentials.Set("pid", static_cast<double>(peer.pid));
  credentials.Set("uid", static_cast<double>(peer.uid));
  credentials.Set("gid", static_cast<double>(peer.gid));
  return credentials;
}

Napi::Value PeerProcess(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  if (arguments.Failed()) return {};
  int pidfd = -1;
  socklen_t length = sizeof pidfd;
  if (getsockopt(socket, SOL_SOCKET, kSoPeerPidfd, &pidfd, &length) == 0) return Napi::Number::New(env, pidfd);
  // EINVAL and ESRCH, by kernel, for a peer that was reaped; ENODATA for a socket that never had one.
  if (errno == EINVAL || errno == ESRCH || errno == ENODATA) return env.Null();
  if (errno != ENOPROTOOPT) return SystemError(env, "getsockopt(SO_PEERPIDFD)");
  ucred peer;
  if (!PeerOf(socket, &peer)) return SystemError(env, "getsockopt(SO_PEERCRED)");
  if (peer.pid <= 0) return env.Null();
  pidfd = static_cast<int>(syscall(SYS_pidfd_open, peer.pid, 0));
  if (pidfd >= 0) return Napi::Number::New(env, pidfd);
  return errno == ESRCH || errno == EINVAL ? env.Null() : SystemError(env, "pidfd_open");
}

Napi::Value SocketCookie(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  if (arguments.Failed()) return {};
  uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  if (getsockopt(socket, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0) return SystemError(info.Env(), "getsockopt(SO_COOKIE)");
  return Napi::String::New(info.Env(), std::to_string(cookie));
}

Napi::Value ShutdownWrite(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int socket = arguments.Descriptor("socket");
  if (arguments.Failed()) return {};
  if (shutdown(socket, SHUT_WR) < 0) return SystemError(info.Env(), "shutdown");
  return info.Env().Undefined();
}

}  // namespace

void AddSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("socketPair", Napi::Function::New(env, SocketPair, "socketPair"));
  exports.Set("listen", Napi::Function::New(env, Listen, "listen"));
  exports.Set("connect", Napi::Function::New(env, Connect, "connect"));
  exports.Set("accept", Napi::Function::New(env, Accept, "accept"));
  exports.Set("peerCredentials", Napi::Function::New(env, PeerCredentials, "peerCredentials"));
  exports.Set("peerProcess", Napi::Function::New(env, PeerProcess, "peerProcess"));
  exports.Set("socketCookie", Napi::Function::New(env, SocketCookie, "socketCookie"));
  exports.Set("shutdownWrite", Napi::Function::New(env, ShutdownWrite, "shutdownWrite"));
}

}  // namespace postern
