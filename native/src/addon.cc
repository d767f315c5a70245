/** The addon's table: exactly what `Addon` in native/index.ts lists. Context-aware: no state but what an environment owns. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/opensslv.h>

#include "edge.h"

namespace postern {

namespace {

/** Raised with every change of the table; native/index.ts compares it at load. */
constexpr int kAbi = 7;

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  // The OpenSSL is Node's own; structures of another major version would be read wrongly.
  if (OPENSSL_version_major() != OPENSSL_VERSION_MAJOR) {
    CodedError(env, "ERR_OPENSSL_VERSION", "the addon was built for another OpenSSL than Node's: build it again");
    return exports;
  }
  exports.Set("abi", Napi::Number::New(env, kAbi));
  AddDescriptors(env, exports);
  AddSockets(env, exports);
  AddMessages(env, exports);
  AddPoll(env, exports);
  AddNamespaces(env, exports);
  AddMounts(env, exports);
  AddGrowth(env, exports);
  AddDirectories(env, exports);
  AddLoops(env, exports);
  AddDeviceMapper(env, exports);
  AddKeyring(env, exports);
  AddSeals(env, exports);
  AddHelper(env, exports);
  AddHash(env, exports);
  AddPkcs7(env, exports);
  AddSeccomp(env, exports);
  AddBpf(env, exports);
  AddProcess(env, exports);
  return exports;
}

}  // namespace

}  // namespace postern

static Napi::Object InitAll(Napi::Env env, Napi::Object exports) { return postern::Init(env, exports); }

NODE_API_MODULE(postern, InitAll)
