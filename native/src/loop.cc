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

}  // namespace

void AddLoops(Napi::Env env, Napi::Object exports) {
  exports.Set("loopGetFree", Napi::Function::New(env, LoopGetFree, "loopGetFree"));
  exports.Set("loopConfigure", Napi::Function::New(env, LoopConfigure, "loopConfigure"));
  exports.Set("loopClear", Napi::Function::New(env, LoopClear, "loopClear"));
}

}  // namespace postern
