/** Network: a socket to speak to the kernel about its interfaces (rtnetlink), and interfaces that a program feeds (tun and tap). */
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "edge.h"

namespace postern {

namespace {

bool Switch(int fd, int option) {
  const int on = 1;
  return setsockopt(fd, SOL_NETLINK, option, &on, sizeof on) == 0;
}

Napi::Value RouteSocket(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Owned socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  if (socket_.fd() < 0) return SystemError(env, "socket");
  // Connected to the kernel, so that nobody else can put in a word.
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  if (connect(socket_.fd(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) < 0) return SystemError(env, "connect");
  // Errors with the kernel's words, and without our own message behind them.
  if (!Switch(socket_.fd(), NETLINK_EXT_ACK) || !Switch(socket_.fd(), NETLINK_CAP_ACK)) return SystemError(env, "setsockopt");
  return Napi::Number::New(env, socket_.Release());
}

Napi::Value TunSetInterface(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("tunFd");
  const std::string name = arguments.Text("name");
  const uint32_t flags = arguments.Unsigned32("flags");
  if (arguments.Failed()) return {};
  ifreq request = {};
  if (name.size() >= sizeof request.ifr_name || flags > UINT16_MAX) return SystemError(info.Env(), "ioctl(TUNSETIFF)", EINVAL);
  memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags = static_cast<short>(flags);
  if (ioctl(fd, TUNSETIFF, &request) < 0) return SystemError(info.Env(), "ioctl(TUNSETIFF)");
  return info.Env().Undefined();
}

Napi::Value TunSetOwner(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("tunFd");
  const uint32_t uid = arguments.Unsigned32("uid");
  if (arguments.Failed()) return {};
  if (ioctl(fd, TUNSETOWNER, static_cast<unsigned long>(uid)) < 0) return SystemError(info.Env(), "ioctl(TUNSETOWNER)");
  return info.Env().Undefined();
}

}  // namespace

void AddNetwork(Napi::Env env, Napi::Object exports) {
  exports.Set("routeSocket", Napi::Function::New(env, RouteSocket, "routeSocket"));
  exports.Set("tunSetInterface", Napi::Function::New(env, TunSetInterface, "tunSetInterface"));
  exports.Set("tunSetOwner", Napi::Function::New(env, TunSetOwner, "tunSetOwner"));
}

}  // namespace postern
