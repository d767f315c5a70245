/** Loop devices. */
#include <linux/loop.h>
#include <sys/ioctl.h>

#include "edge.h"

namespace postern {

namespace {

Napi::Value LoopGetFree(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int control = arguments.Descriptor("controlFd");
  if (arguments.Failed()) return {};
  const int number = ioctl(control, LOOP_CTL_GET_FREE);
  return number < 0 ? SystemError(info.Env(), "ioctl(LOOP_CTL_GET_FREE)") : Napi::Number::New(info.Env(), number);
}

Napi::Value LoopConfigure(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int loop = arguments.Descriptor("loopFd");
  loop_config config = {};
  config.fd = static_cast<uint32_t>(arguments.Descriptor("fileFd"));
  Fields options = arguments.Object("options");
  if (options.Flag("readOnly")) config.info.lo_flags |= LO_FLAGS_READ_ONLY;
  if (options.Flag("autoclear")) config.info.lo_flags |= LO_FLAGS_AUTOCLEAR;
  if (options.Flag("directIo")) config.info.lo_flags |= LO_FLAGS_DIRECT_IO;
  config.info.lo_offset = options.Unsigned64("offset");
  config.info.lo_sizelimit = options.Unsigned64("sizeLimit");
  config.block_size = options.Unsigned32("blockSize");
  if (arguments.Failed()) return {};
  if (ioctl(loop, LOOP_CONFIGURE, &config) < 0) return SystemError(info.Env(), "ioctl(LOOP_CONFIGURE)");
  return info.Env().Undefined();
}

Napi::Value LoopClear(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int loop = arguments.Descriptor("loopFd");
  if (arguments.Failed()) return {};
  if (ioctl(loop, LOOP_CLR_FD) < 0) return SystemError(info.Env(), "ioctl(LOOP_CLR_FD)");
  return info.Env().Undefined();
}

Napi::Value LoopStatus(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int loop = arguments.Descriptor("loopFd");
  if (arguments.Failed()) return {};
  loop_info64 answer = {};
  if (ioctl(loop, LOOP_GET_STATUS64, &answer) < 0) return SystemError(env, "ioctl(LOOP_GET_STATUS64)");
  Napi::Object status = Napi::Object::New(env);
  status.Set("device", Napi::BigInt::New(env, static_cast<uint64_t>(answer.lo_device)));
  status.Set("inode", Napi::BigInt::New(env, static_cast<uint64_t>(answer.lo_inode)));
  status.Set("readOnly", (answer.lo_flags & LO_FLAGS_READ_ONLY) != 0);
  status.Set("autoclear", (answer.lo_flags & LO_FLAGS_AUTOCLEAR) != 0);
  status.Set("offset", static_cast<double>(answer.lo_offset));
  status.Set("sizeLimit", static_cast<double>(answer.lo_sizelimit));
  return status;
}

}  // namespace

void AddLoops(Napi::Env env, Napi::Object exports) {
  exports.Set("loopGetFree", Napi::Function::New(env, LoopGetFree, "loopGetFree"));
  exports.Set("loopConfigure", Napi::Function::New(env, LoopConfigure, "loopConfigure"));
  exports.Set("loopStatus", Napi::Function::New(env, LoopStatus, "loopStatus"));
  exports.Set("loopClear", Napi::Function::New(env, LoopClear, "loopClear"));
}

}  // namespace postern
