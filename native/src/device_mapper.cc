/** Device mapper: block devices that the kernel makes out of others. The control descriptor is an open /dev/mapper/control. */
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include <cstring>

#include "edge.h"

namespace postern {

namespace {

/** Room for what a command brings and answers; the longest is the list of devices, which grows on demand. */
constexpr size_t kRoom = 16 * 1024;
constexpr size_t kMostRoom = 4 * 1024 * 1024;

/**
 * For udev's rules: neither look into the device nor name it. It holds a stranger's bytes, and lives as long as its mounts.
 * DM_UDEV_DISABLE_{DM,SUBSYSTEM,DISK,OTHER}_RULES_FLAG of libdevmapper.h, in the upper half of the event number.
 */
constexpr uint32_t kUdevKeepsOut = 0x000fu << 16;

/** The fixed header of a command, and its data behind it. */
class Command {
 public:
  explicit Command(const std::string& name, size_t room = kRoom) : bytes_(sizeof(dm_ioctl) + room) {
    header()->version[0] = DM_VERSION_MAJOR;  // minor 0: any kernel of this major version answers
    header()->data_size = static_cast<uint32_t>(bytes_.size());
    header()->data_start = sizeof(dm_ioctl);
    name.copy(header()->name, sizeof header()->name - 1);
  }
  dm_ioctl* header() { return reinterpret_cast<dm_ioctl*>(bytes_.data()); }
  uint8_t* data() { return bytes_.data() + sizeof(dm_ioctl); }
  size_t room() const { return bytes_.size() - sizeof(dm_ioctl); }

 private:
  std::vector<uint8_t> bytes_;
};

Napi::Value Done(Napi::Env env, int result, const char* call) {
  return result < 0 ? SystemError(env, call) : env.Undefined();
}

/** Asks for the version, which also has the kernel load the target's module. */
Napi::Value DmTargetVersion(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  Command command(arguments.Text("target"));
  if (arguments.Failed()) return {};
  if (ioctl(control, DM_GET_TARGET_VERSION, command.header()) < 0) return SystemError(env, "ioctl(DM_GET_TARGET_VERSION)");
  const auto* versions = reinterpret_cast<const dm_target_versions*>(command.data());
  Napi::Array version = Napi::Array::New(env, 3);
  for (uint32_t i = 0; i < 3; i++) version.Set(i, Napi::Number::New(env, versions->version[i]));
  return version;
}

Napi::Value DmCreate(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  const std::string name = arguments.Text("name");
  Command command(name);
  name.copy(command.header()->uuid, sizeof command.header()->uuid - 1);
  if (arguments.Failed()) return {};
  return Done(info.Env(), ioctl(control, DM_DEV_CREATE, command.header()), "ioctl(DM_DEV_CREATE)");
}

/** One target over the whole of a device. */
Napi::Value DmLoad(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  Command command(arguments.Text("name"));
  dm_target_spec spec = {};
  spec.length = arguments.Unsigned64("sectors");
  const std::string target = arguments.Text("target");
  const std::string parameters = arguments.Text("parameters");
  const bool read_only = arguments.Flag("readOnly");
  if (arguments.Failed()) return {};
  if (target.size() >= sizeof spec.target_type || sizeof spec + parameters.size() >= command.room())
    return SystemError(env, "ioctl(DM_TABLE_LOAD)", E2BIG);
  target.copy(spec.target_type, sizeof spec.target_type - 1);
  memcpy(command.data(), &spec, sizeof spec);
  memcpy(command.data() + sizeof spec, parameters.c_str(), parameters.size() + 1);
  command.header()->target_count = 1;
  command.header()->flags = read_only ? DM_READONLY_FLAG : 0;
  return Done(env, ioctl(control, DM_TABLE_LOAD, command.header()), "ioctl(DM_TABLE_LOAD)");
}

/** Puts the loaded table in force. */
Napi::Value DmResume(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  Command command(arguments.Text("name"));
  command.header()->event_nr = kUdevKeepsOut;
  if (arguments.Failed()) return {};
  return Done(info.Env(), ioctl(control, DM_DEV_SUSPEND, command.header()), "ioctl(DM_DEV_SUSPEND)");
}

Napi::Value DmStatus(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  Command command(arguments.Text("name"));
  if (arguments.Failed()) return {};
  if (ioctl(control, DM_DEV_STATUS, command.header()) < 0) return SystemError(env, "ioctl(DM_DEV_STATUS)");
  Napi::Object status = Napi::Object::New(env);
  status.Set("minor", Napi::Number::New(env, minor(command.header()->dev)));
  // Between its table and its resumption a device does not yet say whether it can be written to.
  const uint32_t flags = command.header()->flags;
  status.Set("active", (flags & DM_ACTIVE_PRESENT_FLAG) != 0 && (flags & DM_SUSPEND_FLAG) == 0);
  status.Set("readOnly", (flags & DM_READONLY_FLAG) != 0);
  return status;
}

/** At once, or with the last who has it open. */
Napi::Value DmRemove(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  Command command(arguments.Text("name"));
  command.header()->flags = DM_DEFERRED_REMOVE;
  command.header()->event_nr = kUdevKeepsOut;
  if (arguments.Failed()) return {};
  return Done(info.Env(), ioctl(control, DM_DEV_REMOVE, command.header()), "ioctl(DM_DEV_REMOVE)");
}

Napi::Value DmNames(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  if (arguments.Failed()) return {};
  for (size_t room = kRoom; room <= kMostRoom; room *= 4) {
    Command command("", room);
    if (ioctl(control, DM_LIST_DEVICES, command.header()) < 0) return SystemError(env, "ioctl(DM_LIST_DEVICES)");
    if (command.header()->flags & DM_BUFFER_FULL_FLAG) continue;
    Napi::Array names = Napi::Array::New(env);
    const auto* device = reinterpret_cast<const dm_name_list*>(command.data());
    if (device->dev == 0) return names;
    for (;;) {
      names.Set(names.Length(), Napi::String::New(env, device->name));
      if (device->next == 0) return names;
      device = reinterpret_cast<const dm_name_list*>(reinterpret_cast<const uint8_t*>(device) + device->next);
    }
  }
  return SystemError(env, "ioctl(DM_LIST_DEVICES)", E2BIG);
}

}  // namespace

void AddDeviceMapper(Napi::Env env, Napi::Object exports) {
  exports.Set("dmTargetVersion", Napi::Function::New(env, DmTargetVersion, "dmTargetVersion"));
  exports.Set("dmCreate", Napi::Function::New(env, DmCreate, "dmCreate"));
  exports.Set("dmLoad", Napi::Function::New(env, DmLoad, "dmLoad"));
  exports.Set("dmResume", Napi::Function::New(env, DmResume, "dmResume"));
  exports.Set("dmStatus", Napi::Function::New(env, DmStatus, "dmStatus"));
  exports.Set("dmRemove", Napi::Function::New(env, DmRemove, "dmRemove"));
  exports.Set("dmNames", Napi::Function::New(env, DmNames, "dmNames"));
}

}  // namespace postern
