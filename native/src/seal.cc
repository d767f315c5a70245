/** fs-verity: files that the kernel has sealed, with the hash of all they hold. */
#include <linux/fsverity.h>
#include <sys/ioctl.h>

#include "edge.h"

namespace postern {

namespace {

/** SHA-512 is the largest that the kernel has. */
constexpr size_t kMostDigest = 64;
/** FS_VERITY_MAX_SIGNATURE_SIZE of the kernel */
constexpr size_t kMostSignature = 16128;

/** What a file system answers that has no fs-verity, or a file without it. */
bool IsUnsealed(int error) { return error == ENODATA || error == ENOTTY || error == EOPNOTSUPP; }

Napi::Value SealDigest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  alignas(fsverity_digest) uint8_t room[sizeof(fsverity_digest) + kMostDigest] = {};
  auto* digest = reinterpret_cast<fsverity_digest*>(room);
  digest->digest_size = kMostDigest;
  if (ioctl(fd, FS_IOC_MEASURE_VERITY, digest) < 0) return IsUnsealed(errno) ? env.Null() : SystemError(env, "ioctl(FS_IOC_MEASURE_VERITY)");
  Napi::Object seal = Napi::Object::New(env);
  seal.Set("algorithm", Napi::Number::New(env, digest->digest_algorithm));
  seal.Set("digest", CopyOf(env, room + sizeof(fsverity_digest), digest->digest_size));
  return seal;
}

Napi::Value SealSignature(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int fd = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  std::vector<uint8_t> room(kMostSignature);
  fsverity_read_metadata_arg asked = {};
  asked.metadata_type = FS_VERITY_METADATA_TYPE_SIGNATURE;
  asked.length = room.size();
  asked.buf_ptr = reinterpret_cast<uint64_t>(room.data());
  const int length = ioctl(fd, FS_IOC_READ_VERITY_METADATA, &asked);
  if (length < 0) return IsUnsealed(errno) ? env.Null() : SystemError(env, "ioctl(FS_IOC_READ_VERITY_METADATA)");
  return CopyOf(env, room.data(), static_cast<size_t>(length));
}

}  // namespace

void AddSeals(Napi::Env env, Napi::Object exports) {
  exports.Set("sealDigest", Napi::Function::New(env, SealDigest, "sealDigest"));
  exports.Set("sealSignature", Napi::Function::New(env, SealSignature, "sealSignature"));
}

}  // namespace postern
