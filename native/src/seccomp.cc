/** The system-call filter of every thread. */
#include <seccomp.h>

#include <memory>

#include "edge.h"

namespace postern {

namespace {

struct Released {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Released>;

Napi::Value SeccompAllow(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const std::vector<std::string> names = arguments.Texts("systemCalls");
  if (arguments.Failed()) return {};

  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  if (!filter) return SystemError(env, "seccomp", ENOMEM);
  int error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree, for long lists
  if (error == 0) error = seccomp_attr_set(filter.get(), SCMP_FLTATR_API_SYSRAWRC, 1);  // the kernel's own errno
  for (const std::string& name : names) {
    if (error != 0) break;
    const int number = seccomp_syscall_resolve_name(name.c_str());
    if (number >= 0) error = seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, number, 0);
  }
  if (error == 0) error = seccomp_load(filter.get());
  return error != 0 ? SystemError(env, "seccomp", -error) : env.Undefined();
}

}  // namespace

void AddSeccomp(Napi::Env env, Napi::Object exports) {
  exports.Set("seccompAllow", Napi::Function::New(env, SeccompAllow, "seccompAllow"));
}

}  // namespace postern
