/** The kernel's key service: keys that carry an argument to a system call, in the keyring of the calling thread alone. */
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge.h"

namespace postern {

namespace {

Napi::Value AddThreadKey(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::string type = arguments.Text("type");
  const std::string description = arguments.Text("description");
  const Bytes payload = arguments.View("payload");
  if (arguments.Failed()) return {};
  const long key = syscall(SYS_add_key, type.c_str(), description.c_str(), payload.data, payload.length, KEY_SPEC_THREAD_KEYRING);
  return key < 0 ? SystemError(env, "add_key") : Napi::Number::New(env, static_cast<double>(key));
}

Napi::Value UnlinkThreadKey(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const uint32_t key = arguments.Unsigned32("key");
  if (arguments.Failed()) return {};
  return syscall(SYS_keyctl, KEYCTL_UNLINK, key, KEY_SPEC_THREAD_KEYRING) < 0 ? SystemError(env, "keyctl(KEYCTL_UNLINK)")
                                                                              : env.Undefined();
}

}  // namespace

void AddKeyring(Napi::Env env, Napi::Object exports) {
  exports.Set("addThreadKey", Napi::Function::New(env, AddThreadKey, "addThreadKey"));
  exports.Set("unlinkThreadKey", Napi::Function::New(env, UnlinkThreadKey, "unlinkThreadKey"));
}

}  // namespace postern
