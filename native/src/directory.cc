/** Directories that strangers point at: who owns what is above them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge.h"

namespace postern {

namespace {

/** statx of an open directory, its mount included; false with errno set. */
bool Look(int fd, struct statx* facts) {
  constexpr unsigned kWanted = STATX_UID | STATX_INO | STATX_MNT_ID;
  if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, kWanted, facts) < 0) return false;
  if ((facts->stx_mask & STATX_MNT_ID) != 0) return true;
  errno = EOPNOTSUPP;
  return false;
}

bool IsSame(const struct statx& a, const struct statx& b) {
  return a.stx_ino == b.stx_ino && a.stx_dev_major == b.stx_dev_major && a.stx_dev_minor == b.stx_dev_minor;
}

Napi::Value OwnersAbove(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int directory = arguments.Descriptor("directoryFd");
  const uint32_t limit = arguments.Unsigned32("limit");
  if (arguments.Failed()) return {};
  Napi::Array owners = Napi::Array::New(env);
  struct statx first = {};
  if (!Look(directory, &first)) return SystemError(env, "statx");
  struct statx below = first;
  Owned held;  // the one before is open until the next is, so that no mount's number can be reused meanwhile
  for (uint32_t level = 0; level < limit; level++) {
    Owned above(openat(level == 0 ? directory : held.fd(), "..", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct statx facts = {};
    if (above.fd() < 0) return SystemError(env, "openat");
    if (!Look(above.fd(), &facts)) return SystemError(env, "statx");
    if (facts.stx_mnt_id != first.stx_mnt_id || IsSame(facts, below)) break;
    owners.Set(owners.Length(), Napi::Number::New(env, facts.stx_uid));
    below = facts;
    held.Take(above.Release());
  }
  return owners;
}

}  // namespace

void AddDirectories(Napi::Env env, Napi::Object exports) {
  exports.Set("ownersAbove", Napi::Function::New(env, OwnersAbove, "ownersAbove"));
}

}  // namespace postern
