/** Processes: our own visibility, children that have ended, and becoming another program. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

/** What execve wants: pointers to the texts, and null. Valid as long as the texts. */
std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Napi::Value Execute(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const std::string path = arguments.Text("path");
  std::vector<std::string> argv = arguments.Texts("argv");
  std::vector<std::string> environment = arguments.Texts("environment");
  const std::vector<int> keep = arguments.Descriptors("keep", 253);
  if (arguments.Failed()) return {};
  for (const int fd : keep) fcntl(fd, F_SETFD, 0);
  execve(path.c_str(), Pointers(argv).data(), Pointers(environment).data());
  const int error = errno;
  for (const int fd : keep) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return SystemError(info.Env(), "execve", error);
}

}  // namespace

void AddProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("hideFromTracers", Napi::Function::New(env, HideFromTracers, "hideFromTracers"));
  exports.Set("execute", Napi::Function::New(env, Execute, "execute"));
  exports.Set("reap", Napi::Function::New(env, Reap, "reap"));
}

}  // namespace postern
