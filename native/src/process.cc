/** Processes: our own visibility, and children that have ended. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include "edge.h"

namespace postern {

namespace {

Napi::Value HideFromTracers(const Napi::CallbackInfo& info) {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return SystemError(info.Env(), "prctl(PR_SET_DUMPABLE)");
  return info.Env().Undefined();
}

Napi::Value Reap(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const uint32_t pid = arguments.Unsigned32("pid");
  if (arguments.Failed()) return {};
  // 0 and numbers above the largest pid would mean a group of processes to waitpid.
  if (pid == 0 || pid > INT32_MAX) return SystemError(env, "waitpid", ECHILD);
  int status = 0;
  const pid_t ended = waitpid(static_cast<pid_t>(pid), &status, WNOHANG);
  if (ended < 0) return SystemError(env, "waitpid");
  if (ended == 0) return env.Null();
  // As a shell tells it: a signal is 128 and its number.
  return Napi::Number::New(env, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

}  // namespace

void AddProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("hideFromTracers", Napi::Function::New(env, HideFromTracers, "hideFromTracers"));
  exports.Set("reap", Napi::Function::New(env, Reap, "reap"));
}

}  // namespace postern
