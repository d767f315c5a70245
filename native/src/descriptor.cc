/** Descriptors: what they are, who else holds their file, and how they get a name. */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge.h"

namespace postern {

namespace {

/** f_type of file systems that no header of this C library names. */
constexpr long kNsfsMagic = 0x6e736673;
constexpr long kPidfsMagic = 0x50494446;
constexpr long kAnonymousInodeMagic = 0x09041934;

/** A copy never lands on standard input, output or error, even where those are closed. */
constexpr int kFirstFree = 3;

Napi::Value Close(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  // The kernel has closed it even where it answers EINTR.
  if (close(fd) < 0 && errno != EINTR) return SystemError(info.Env(), "close");
  return info.Env().Undefined();
}

Napi::Value Duplicate(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  const int copy = fcntl(fd, F_DUPFD_CLOEXEC, kFirstFree);
  return copy < 0 ? SystemError(info.Env(), "fcntl") : Napi::Number::New(info.Env(), copy);
}

/** A pidfd is a file of pidfs, or before Linux 6.9 an anonymous inode that takes signals. */
bool IsProcess(int fd, long magic, mode_t mode) {
  if (magic == kPidfsMagic) return true;
  if (magic != kAnonymousInodeMagic || (mode & S_IFMT) != 0) return false;
  return syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0) == 0 || errno != EBADF;
}

/** What a descriptor is; the names stand in the same order in `kMakeFacts`. */
enum Type { kRegular, kDirectory, kBlock, kCharacter, kSocket, kFifo, kSymlink, kNamespace, kProcess, kOther };
enum Access { kRead, kWrite, kReadWrite, kPath };
enum SocketType { kNoSocket, kStream, kSeqpacket, kDatagram, kOtherSocket };

/**
 * Makes the object of facts. Written in JavaScript, since an object literal is made at once, where sixteen properties that are set
 * one by one cost three times as much as the system calls.
 */
constexpr const char* kMakeFacts = R"(
  const types = ['regular', 'directory', 'block', 'character', 'socket', 'fifo', 'symlink', 'namespace', 'process', 'other'];
  const accesses = ['read', 'write', 'read-write', 'path'];
  const socketTypes = [null, 'stream', 'seqpacket', 'datagram', 'other'];
  (type, flags, access, device, inode, rdev, size, fileSystemMagic, namespaceType, mode, uid, gid, isMountRoot, socketType, isUnixSocket,
    listening) => ({ type: types[type], flags, access: accesses[access], device, inode, rdev, size, fileSystemMagic, namespaceType,
    mode, uid, gid, isMountRoot, socketType: socketTypes[socketType], isUnixSocket, listening })
)";

Type TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return kRegular;
    case S_IFDIR: return kDirectory;
    case S_IFBLK: return kBlock;
    case S_IFCHR: return kCharacter;
    case S_IFSOCK: return kSocket;
    case S_IFIFO: return kFifo;
    case S_IFLNK: return kSymlink;
    default: return kOther;
  }
}

Access AccessOf(int flags) {
  if ((flags & O_PATH) != 0) return kPath;
  switch (flags & O_ACCMODE) {
    case O_RDONLY: return kRead;
    case O_WRONLY: return kWrite;
    case O_RDWR: return kReadWrite;
    default: return kPath;  // access mode 3: neither readable nor writable, for ioctls only
  }
}

SocketType SocketTypeOf(int fd) {
  int type = 0;
  socklen_t length = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0) return kNoSocket;
  switch (type) {
    case SOCK_STREAM: return kStream;
    case SOCK_SEQPACKET: return kSeqpacket;
    case SOCK_DGRAM: return kDatagram;
    default: return kOtherSocket;
  }
}

int SocketOption(int fd, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length) < 0 ? -1 : value;
}

Napi::Value Describe(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};

  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return SystemError(env, "fcntl");
  struct statx stx;
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) < 0) return SystemError(env, "statx");
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0) return SystemError(env, "fstatfs");

  const bool path_only = (flags & O_PATH) != 0;
  const int namespace_type = fs.f_type == kNsfsMagic && !path_only ? ioctl(fd, NS_GET_NSTYPE) : 0;
  Type type = TypeOf(stx.stx_mode);
  if (fs.f_type == kNsfsMagic) type = namespace_type > 0 ? kNamespace : kOther;
  if (IsProcess(fd, fs.f_type, stx.stx_mode)) type = kProcess;

  double size = static_cast<double>(stx.stx_size);
  if (S_ISBLK(stx.stx_mode)) {
    uint64_t capacity = 0;
    size = !path_only && ioctl(fd, BLKGETSIZE64, &capacity) == 0 ? static_cast<double>(capacity) : 0;
  }
  const bool is_socket = S_ISSOCK(stx.stx_mode) && !path_only;

  const napi_value facts[] = {
      Napi::Number::New(env, type),
      Napi::Number::New(env, flags),
      Napi::Number::New(env, AccessOf(flags)),
      Napi::BigInt::New(env, static_cast<uint64_t>(makedev(stx.stx_dev_major, stx.stx_dev_minor))),
      Napi::BigInt::New(env, static_cast<uint64_t>(stx.stx_ino)),
      Napi::BigInt::New(env, static_cast<uint64_t>(makedev(stx.stx_rdev_major, stx.stx_rdev_minor))),
      Napi::Number::New(env, size),
      Napi::Number::New(env, static_cast<double>(static_cast<uint32_t>(fs.f_type))),
      Napi::Number::New(env, namespace_type > 0 ? namespace_type : 0),
      Napi::Number::New(env, static_cast<double>(stx.stx_mode)),
      Napi::Number::New(env, static_cast<double>(stx.stx_uid)),
      Napi::Number::New(env, static_cast<double>(stx.stx_gid)),
      Napi::Boolean::New(env, (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0),
      Napi::Number::New(env, is_socket ? SocketTypeOf(fd) : kNoSocket),
      Napi::Boolean::New(env, is_socket && SocketOption(fd, SO_DOMAIN) == AF_UNIX),
      Napi::Boolean::New(env, is_socket && SocketOption(fd, SO_ACCEPTCONN) == 1),
  };
  return static_cast<Napi::FunctionReference*>(info.Data())->Value().Call(sizeof facts / sizeof *facts, facts);
}

Napi::Value IsOpenElsewhere(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  // Whoever opens the file before the lease is given back makes the kernel signal us; SIGIO, its first choice, would end the process.
  if (fcntl(fd, F_SETSIG, SIGURG) < 0) return SystemError(env, "fcntl");
  if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0) {
    if (errno == EAGAIN) return Napi::Boolean::New(env, true);
    return SystemError(env, "fcntl");
  }
  if (fcntl(fd, F_SETLEASE, F_UNLCK) < 0) return SystemError(env, "fcntl");
  return Napi::Boolean::New(env, false);
}

Napi::Value LinkDescriptor(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  const int directory = arguments.Descriptor("directoryFd");
  const std::string name = arguments.Text("name");
  if (arguments.Failed()) return {};
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  if (linkat(AT_FDCWD, self.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW) == 0) return Napi::Boolean::New(env, true);
  if (errno == EEXIST) return Napi::Boolean::New(env, false);
  return SystemError(env, "linkat");
}

Napi::Value CloneRange(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  struct file_clone_range range = {};
  range.src_fd = arguments.Descriptor("sourceFd");
  range.src_offset = arguments.Unsigned64("sourceOffset");
  range.src_length = arguments.Unsigned64("length");
  const int target = arguments.Descriptor("targetFd");
  range.dest_offset = arguments.Unsigned64("targetOffset");
  if (arguments.Failed()) return {};
  if (ioctl(target, FICLONERANGE, &range) < 0) return SystemError(info.Env(), "ioctl(FICLONERANGE)");
  return info.Env().Undefined();
}

Napi::Value SetCloseOnExec(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  const bool on = arguments.Flag("on");
  if (arguments.Failed()) return {};
  if (fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0) return SystemError(info.Env(), "fcntl");
  return info.Env().Undefined();
}

Napi::Value Lock(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return Napi::Boolean::New(info.Env(), true);
  return errno == EWOULDBLOCK ? Napi::Boolean::New(info.Env(), false) : SystemError(info.Env(), "flock");
}

}  // namespace

void AddDescriptors(Napi::Env env, Napi::Object exports) {
  auto* make_facts = new Napi::FunctionReference(Napi::Persistent(env.RunScript(kMakeFacts).As<Napi::Function>()));
  env.AddCleanupHook([](Napi::FunctionReference* ended) { delete ended; }, make_facts);
  exports.Set("close", Napi::Function::New(env, Close, "close"));
  exports.Set("duplicate", Napi::Function::New(env, Duplicate, "duplicate"));
  exports.Set("describe", Napi::Function::New(env, Describe, "describe", make_facts));
  exports.Set("isOpenElsewhere", Napi::Function::New(env, IsOpenElsewhere, "isOpenElsewhere"));
  exports.Set("linkDescriptor", Napi::Function::New(env, LinkDescriptor, "linkDescriptor"));
  exports.Set("cloneRange", Napi::Function::New(env, CloneRange, "cloneRange"));
  exports.Set("lock", Napi::Function::New(env, Lock, "lock"));
  exports.Set("setCloseOnExec", Napi::Function::New(env, SetCloseOnExec, "setCloseOnExec"));
}

}  // namespace postern
