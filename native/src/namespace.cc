/** Namespaces: kind, owner, parent, identity, and handles that pin nothing. */
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "edge.h"

#ifndef NS_GET_ID
#define NS_GET_ID _IOR(NSIO, 13, uint64_t)
#endif
#ifndef FD_NSFS_ROOT
#define FD_NSFS_ROOT (-10003)
#endif
#ifndef PIDFD_GET_MNT_NAMESPACE
#define PIDFD_GET_MNT_NAMESPACE _IO(0xFF, 3)
#endif
#ifndef PIDFD_GET_USER_NAMESPACE
#define PIDFD_GET_USER_NAMESPACE _IO(0xFF, 9)
#endif

namespace postern {

namespace {

/** Where nsfs puts the longest of its handles: 20 bytes today. */
constexpr unsigned kMaxHandleBytes = MAX_HANDLE_SZ;

/** A file handle as it travels: its type, then its bytes. */
struct Handle {
  alignas(file_handle) char room[sizeof(file_handle) + kMaxHandleBytes];
  file_handle* get() { return reinterpret_cast<file_handle*>(room); }
};

Napi::Value NamespaceType(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  const int type = ioctl(fd, NS_GET_NSTYPE);
  return type < 0 ? SystemError(info.Env(), "ioctl(NS_GET_NSTYPE)") : Napi::Number::New(info.Env(), type);
}

Napi::Value NamespaceOwner(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  uid_t owner = 0;
  if (ioctl(fd, NS_GET_OWNER_UID, &owner) < 0) return SystemError(info.Env(), "ioctl(NS_GET_OWNER_UID)");
  return Napi::Number::New(info.Env(), owner);
}

/** A namespace that stands above this one in some way; null where it is none of those that we may know. */
Napi::Value NamespaceAbove(const Napi::CallbackInfo& info, unsigned long request, const char* call) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  const int above = ioctl(fd, request);
  if (above >= 0) return Napi::Number::New(info.Env(), above);
  return errno == EPERM ? info.Env().Null() : SystemError(info.Env(), call);
}

Napi::Value NamespaceParent(const Napi::CallbackInfo& info) { return NamespaceAbove(info, NS_GET_PARENT, "ioctl(NS_GET_PARENT)"); }

Napi::Value NamespaceUser(const Napi::CallbackInfo& info) { return NamespaceAbove(info, NS_GET_USERNS, "ioctl(NS_GET_USERNS)"); }

Napi::Value NamespaceId(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  if (ioctl(fd, NS_GET_NSTYPE) < 0) return SystemError(info.Env(), "ioctl(NS_GET_NSTYPE)");
  uint64_t id = 0;
  if (ioctl(fd, NS_GET_ID, &id) == 0) return Napi::BigInt::New(info.Env(), id);
  // It is a namespace, so the kernel is one that has no such number.
  return errno == ENOTTY || errno == EINVAL ? info.Env().Null() : SystemError(info.Env(), "ioctl(NS_GET_ID)");
}

Napi::Value NamespaceHandle(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  Handle handle;
  handle.get()->handle_bytes = kMaxHandleBytes;
  int mount = 0;
  if (name_to_handle_at(fd, "", handle.get(), &mount, AT_EMPTY_PATH) < 0) {
    return errno == EOPNOTSUPP ? info.Env().Null() : SystemError(info.Env(), "name_to_handle_at");
  }
  const unsigned length = handle.get()->handle_bytes;
  const int type = handle.get()->handle_type;
  std::vector<uint8_t> bytes(sizeof type + length);
  memcpy(bytes.data(), &type, sizeof type);
  memcpy(bytes.data() + sizeof type, handle.get()->f_handle, length);
  return CopyOf(info.Env(), bytes.data(), bytes.size());
}

/** The user namespace we are in, without /proc where the kernel can. */
int OpenOwn() {
  Owned self(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  if (self.fd() >= 0) {
    const int fd = ioctl(self.fd(), PIDFD_GET_USER_NAMESPACE, 0);
    if (fd >= 0) return fd;
  }
  return open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
}

/** The kernel's own name for the root of nsfs saves three of four system calls; a kernel without it is shown any file of nsfs. */
int OpenByHandle(file_handle* handle) {
  const int fd = open_by_handle_at(FD_NSFS_ROOT, handle, O_RDONLY | O_CLOEXEC);
  if (fd >= 0 || errno != EBADF) return fd;
  Owned anywhere(OpenOwn());
  return anywhere.fd() < 0 ? -1 : open_by_handle_at(anywhere.fd(), handle, O_RDONLY | O_CLOEXEC);
}

Napi::Value OpenNamespace(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const Bytes bytes = arguments.View("handle");
  if (arguments.Failed()) return {};
  Handle handle;
  int type = 0;
  if (bytes.length <= sizeof type || bytes.length > sizeof type + kMaxHandleBytes) {
    return SystemError(info.Env(), "open_by_handle_at", EINVAL);
  }
  memcpy(&type, bytes.data, sizeof type);
  handle.get()->handle_type = type;
  handle.get()->handle_bytes = static_cast<unsigned>(bytes.length - sizeof type);
  memcpy(handle.get()->f_handle, bytes.data + sizeof type, bytes.length - sizeof type);
  const int fd = OpenByHandle(handle.get());
  if (fd >= 0) return Napi::Number::New(info.Env(), fd);
  return errno == ESTALE ? info.Env().Null() : SystemError(info.Env(), "open_by_handle_at");
}

Napi::Value OwnUserNamespace(const Napi::CallbackInfo& info) {
  const int fd = OpenOwn();
  return fd < 0 ? SystemError(info.Env(), "open") : Napi::Number::New(info.Env(), fd);
}

/** ESRCH says that the process is gone; any other answer, that it is there. */
bool IsGone(int pidfd) { return syscall(SYS_pidfd_send_signal, pidfd, 0, nullptr, 0) < 0 && errno == ESRCH; }

/** By an ioctl on the process's pidfd, or by its file in /proc where the kernel has none. */
Napi::Value ProcessMountNamespace(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int pidfd = arguments.Descriptor("pidfd");
  const uint32_t pid = arguments.Unsigned32("pid");
  if (arguments.Failed()) return {};
  const int fd = ioctl(pidfd, PIDFD_GET_MNT_NAMESPACE, 0);
  if (fd >= 0) return Napi::Number::New(info.Env(), fd);
  if (errno == ESRCH) return info.Env().Null();
  if (errno != ENOTTY && errno != EINVAL) return SystemError(info.Env(), "ioctl(PIDFD_GET_MNT_NAMESPACE)");
  Owned by_path(open(("/proc/" + std::to_string(pid) + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC));
  const int error = errno;
  // The number may belong to a stranger by now, but not while the process of the pidfd is there.
  if (IsGone(pidfd)) return info.Env().Null();
  return by_path.fd() < 0 ? SystemError(info.Env(), "open", error) : Napi::Number::New(info.Env(), by_path.Release());
}

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const uint32_t pid = arguments.Unsigned32("pid");
  if (arguments.Failed()) return {};
  const long fd = syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? SystemError(info.Env(), "pidfd_open") : Napi::Number::New(info.Env(), static_cast<double>(fd));
}

}  // namespace

void AddNamespaces(Napi::Env env, Napi::Object exports) {
  exports.Set("namespaceType", Napi::Function::New(env, NamespaceType, "namespaceType"));
  exports.Set("namespaceOwner", Napi::Function::New(env, NamespaceOwner, "namespaceOwner"));
  exports.Set("namespaceParent", Napi::Function::New(env, NamespaceParent, "namespaceParent"));
  exports.Set("namespaceUser", Napi::Function::New(env, NamespaceUser, "namespaceUser"));
  exports.Set("namespaceId", Napi::Function::New(env, NamespaceId, "namespaceId"));
  exports.Set("namespaceHandle", Napi::Function::New(env, NamespaceHandle, "namespaceHandle"));
  exports.Set("openNamespace", Napi::Function::New(env, OpenNamespace, "openNamespace"));
  exports.Set("ownUserNamespace", Napi::Function::New(env, OwnUserNamespace, "ownUserNamespace"));
  exports.Set("processMountNamespace", Napi::Function::New(env, ProcessMountNamespace, "processMountNamespace"));
  exports.Set("pidfdOpen", Napi::Function::New(env, PidfdOpen, "pidfdOpen"));
}

}  // namespace postern
