/** The mount interface of Linux 5.2 and later. */
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "edge.h"

namespace postern {

namespace {

/** The kernel's log of a mount context holds at most this many bytes in one message. */
constexpr size_t kMaxMessageBytes = 4096;

Napi::Value Fsopen(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string type = arguments.Text("type");
  if (arguments.Failed()) return {};
  const int fd = fsopen(type.c_str(), FSOPEN_CLOEXEC);
  return fd < 0 ? SystemError(info.Env(), "fsopen") : Napi::Number::New(info.Env(), fd);
}

Napi::Value FsconfigString(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fsFd");
  const std::string key = arguments.Text("key");
  const std::string value = arguments.Text("value");
  if (arguments.Failed()) return {};
  if (fsconfig(fd, FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) < 0) return SystemError(info.Env(), "fsconfig");
  return info.Env().Undefined();
}

Napi::Value FsconfigFlag(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fsFd");
  const std::string key = arguments.Text("key");
  if (arguments.Failed()) return {};
  if (fsconfig(fd, FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) < 0) return SystemError(info.Env(), "fsconfig");
  return info.Env().Undefined();
}

Napi::Value FsconfigCreate(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fsFd");
  if (arguments.Failed()) return {};
  if (fsconfig(fd, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) return SystemError(info.Env(), "fsconfig");
  return info.Env().Undefined();
}

Napi::Value FsMessages(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fsFd");
  if (arguments.Failed()) return {};
  Napi::Array messages = Napi::Array::New(info.Env());
  char text[kMaxMessageBytes];
  for (;;) {
    const ssize_t length = read(fd, text, sizeof text);
    if (length > 0) {
      const size_t end = text[length - 1] == '\n' ? length - 1 : length;
      messages.Set(messages.Length(), Napi::String::New(info.Env(), text, end));
    } else if (length == 0 || errno == ENODATA) {
      return messages;
    } else if (errno != EMSGSIZE) {  // a message that is too long was dropped; the next may fit
      return SystemError(info.Env(), "read");
    }
  }
}

Napi::Value Fsmount(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fs = arguments.Descriptor("fsFd");
  const uint32_t attributes = arguments.Unsigned32("attributes");
  if (arguments.Failed()) return {};
  const int fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes);
  return fd < 0 ? SystemError(info.Env(), "fsmount") : Napi::Number::New(info.Env(), fd);
}

Napi::Value OpenTree(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int directory = arguments.DescriptorOrNull("directoryFd");
  const std::string path = arguments.Text("path");
  const uint32_t flags = arguments.Unsigned32("flags");
  if (arguments.Failed()) return {};
  const int fd = open_tree(directory < 0 ? AT_FDCWD : directory, path.c_str(), flags | OPEN_TREE_CLOEXEC);
  return fd < 0 ? SystemError(info.Env(), "open_tree") : Napi::Number::New(info.Env(), fd);
}

Napi::Value MountSetattr(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  mount_attr attributes = {};
  attributes.attr_set = arguments.Unsigned32("set");
  attributes.attr_clr = arguments.Unsigned32("clear");
  const int user_namespace = arguments.DescriptorOrNull("userNamespaceFd");
  const bool recursive = arguments.Flag("recursive");
  if (arguments.Failed()) return {};
  if (user_namespace >= 0) {
    attributes.attr_set |= MOUNT_ATTR_IDMAP;
    attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  }
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  if (mount_setattr(fd, "", flags, &attributes, sizeof attributes) < 0) return SystemError(info.Env(), "mount_setattr");
  return info.Env().Undefined();
}

Napi::Value MoveMount(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  const std::string path = arguments.Text("path");
  if (arguments.Failed()) return {};
  if (move_mount(fd, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) return SystemError(info.Env(), "move_mount");
  return info.Env().Undefined();
}

Napi::Value Unmount(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  const uint32_t flags = arguments.Unsigned32("flags");
  if (arguments.Failed()) return {};
  if (umount2(path.c_str(), static_cast<int>(flags)) < 0) return SystemError(info.Env(), "umount2");
  return info.Env().Undefined();
}

}  // namespace

void AddMounts(Napi::Env env, Napi::Object exports) {
  exports.Set("fsopen", Napi::Function::New(env, Fsopen, "fsopen"));
  exports.Set("fsconfigString", Napi::Function::New(env, FsconfigString, "fsconfigString"));
  exports.Set("fsconfigFlag", Napi::Function::New(env, FsconfigFlag, "fsconfigFlag"));
  exports.Set("fsconfigCreate", Napi::Function::New(env, FsconfigCreate, "fsconfigCreate"));
  exports.Set("fsMessages", Napi::Function::New(env, FsMessages, "fsMessages"));
  exports.Set("fsmount", Napi::Function::New(env, Fsmount, "fsmount"));
  exports.Set("openTree", Napi::Function::New(env, OpenTree, "openTree"));
  exports.Set("mountSetattr", Napi::Function::New(env, MountSetattr, "mountSetattr"));
  exports.Set("moveMount", Napi::Function::New(env, MoveMount, "moveMount"));
  exports.Set("unmount", Napi::Function::New(env, Unmount, "unmount"));
}

}  // namespace postern
