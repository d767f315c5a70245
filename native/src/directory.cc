/** Directories that strangers point at: who owns what is above them, and new ones made in them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "edge.h"
#include "fsuid.h"

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

/** Opens what was made. The parent's owner may have put something else there: it must at least be theirs, and on the same mount. */
int OpenMade(int parent, const char* name, uid_t owner) {
  Owned made(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statx above = {};
  struct statx facts = {};
  if (made.fd() < 0 || !Look(parent, &above) || !Look(made.fd(), &facts)) return -1;
  if (facts.stx_uid == owner && facts.stx_mnt_id == above.stx_mnt_id) return made.Release();
  errno = EBUSY;
  return -1;
}

Napi::Value MakeDirectory(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int parent = arguments.Descriptor("parentFd");
  const std::string name = arguments.Text("name");
  const std::string work = arguments.Text("workName");
  const uint32_t mode = arguments.Unsigned32("mode");
  const uint32_t owner = arguments.Unsigned32("owner");
  if (arguments.Failed()) return {};
  struct stat facts;
  if (fstat(parent, &facts) < 0) return SystemError(env, "fstat");
  const char* step = nullptr;
  int error = 0;
  const auto failed = [&](const char* call) {
    step = call;
    error = errno;
  };
  Owned made;
  {
    As owner_of_parent(facts.st_uid, facts.st_gid);
    if (!owner_of_parent.is()) return SystemError(env, "setfsuid");
    if (mkdirat(parent, work.c_str(), 0700) < 0) return SystemError(env, "mkdirat");
    made.Take(OpenMade(parent, work.c_str(), facts.st_uid));
    if (made.fd() < 0) failed("openat");
    else if (fchmod(made.fd(), mode) < 0) failed("fchmod");
  }
  if (step == nullptr && fchown(made.fd(), owner, owner) < 0) failed("fchown");
  As owner_of_parent(facts.st_uid, facts.st_gid);
  if (step == nullptr && !owner_of_parent.is()) failed("setfsuid");
  if (step == nullptr && renameat2(parent, work.c_str(), parent, name.c_str(), RENAME_NOREPLACE) < 0) failed("renameat2");
  if (step == nullptr) return Napi::Number::New(env, made.Release());
  unlinkat(parent, work.c_str(), AT_REMOVEDIR);
  return SystemError(env, step, error);
}

}  // namespace

void AddDirectories(Napi::Env env, Napi::Object exports) {
  exports.Set("makeDirectory", Napi::Function::New(env, MakeDirectory, "makeDirectory"));
  exports.Set("ownersAbove", Napi::Function::New(env, OwnersAbove, "ownersAbove"));
}

}  // namespace postern
