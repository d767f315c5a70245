/**
 * Control groups by their 64-bit numbers, which are never used again: given to another owner, and taken back with all below. Everything is
 * reached through the caller's own mount of cgroup2, in which nobody else can mount anything, and by names that the kernel listed.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "edge.h"
#include "fsuid.h"

namespace postern {

namespace {

/** FILEID_KERNFS of linux/exportfs.h: the handle is the node's number, and nothing else. */
constexpr int kKernfsHandle = 0xfe;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;
constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

/** What an owner needs to run the group: cgroups(7) on delegation. The folder comes last, so that it tells when all are given. */
constexpr const char* kDelegated[] = {"cgroup.procs", "cgroup.subtree_control", "cgroup.threads", "."};

Napi::Value OpenControlGroup(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int mount = arguments.Descriptor("mountFd");
  const uint64_t number = arguments.Unsigned64("number");
  if (arguments.Failed()) return {};
  alignas(file_handle) char room[sizeof(file_handle) + sizeof number];
  file_handle* handle = reinterpret_cast<file_handle*>(room);
  handle->handle_type = kKernfsHandle;
  handle->handle_bytes = sizeof number;
  memcpy(handle->f_handle, &number, sizeof number);
  const int fd = open_by_handle_at(mount, handle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) return Napi::Number::New(info.Env(), fd);
  return errno == ESTALE || errno == ENOENT ? info.Env().Null() : SystemError(info.Env(), "open_by_handle_at");
}

/** One step at a time: only an owner may change a mode, and root is every file's possible owner. False with errno and `call` set. */
bool Hand(int folder, const char* name, uid_t uid, gid_t gid, mode_t mode, const char** call) {
  *call = "fchownat";
  if (fchownat(folder, name, 0, 0, AT_SYMLINK_NOFOLLOW) < 0) return false;
  *call = "fchmodat";
  if (fchmodat(folder, name, mode, 0) < 0) return false;
  if (uid == 0 && gid == 0) return true;
  *call = "fchownat";
  return fchownat(folder, name, uid, gid, AT_SYMLINK_NOFOLLOW) == 0;
}

/** In one step where the mode is right already, so that nobody finds it half given. */
bool Give(int folder, const char* name, const struct stat& former, uid_t owner, const char** call) {
  const mode_t mode = S_ISDIR(former.st_mode) ? kFolderMode : kFileMode;
  if ((former.st_mode & 07777) != mode) return Hand(folder, name, owner, owner, mode, call);
  *call = "fchownat";
  return fchownat(folder, name, owner, owner, AT_SYMLINK_NOFOLLOW) == 0;
}

Napi::Value GiveControlGroup(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Arguments arguments(info);
  const int folder = arguments.Descriptor("fd");
  const uint32_t owner = arguments.Unsigned32("owner");
  if (arguments.Failed()) return {};
  constexpr size_t kCount = sizeof kDelegated / sizeof *kDelegated;
  struct stat former[kCount];
  const char* call = "fstatat";
  for (size_t i = 0; i < kCount; i++) {
    if (fstatat(folder, kDelegated[i], &former[i], AT_SYMLINK_NOFOLLOW) < 0) return SystemError(env, call);
  }
  int error = 0;
  size_t begun = 0;
  for (; begun < kCount && error == 0; begun++) {
    if (!Give(folder, kDelegated[begun], former[begun], owner, &call)) error = errno;
  }
  if (error == 0) return env.Undefined();
  const char* ignored;
  while (begun-- > 0) {
    const struct stat& before = former[begun];
    Hand(folder, kDelegated[begun], before.st_uid, before.st_gid, before.st_mode & 07777, &ignored);
  }
  return SystemError(env, call, error);
}

struct Closed {
  void operator()(DIR* folder) const { closedir(folder); }
};

/** Calls `each` with every name in a folder, and its number. False with errno set where they can't be listed. */
template <typename Each>
bool List(int folder, Each each) {
  const int fd = openat(folder, ".", kFolderFlags);
  if (fd < 0) return false;
  const std::unique_ptr<DIR, Closed> open(fdopendir(fd));
  if (!open) {
    close(fd);
    return false;
  }
  errno = 0;
  while (const dirent* entry = readdir(open.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") each(name, *entry);
    errno = 0;
  }
  return errno == 0;
}

/** What a walk has still to do below one folder. */
struct Level {
  std::string name;
  std::vector<std::string> below;
};

/** Takes a tree back, deepest first, and removes what nobody is in. Holds three descriptors, however deep the tree is. */
class Walk {
 public:
  explicit Walk(int top) : here_(openat(top, ".", kFolderFlags)) {}

  /** False with errno and `call` set. */
  bool Run() {
    call = "openat";
    if (here_.fd() < 0) return IsAway();
    if (!Look(here_.fd(), &mount_)) return false;
    levels_.push_back({});
    if (!Seize(here_.fd(), &levels_.back())) return IsAway();
    while (!levels_.empty()) {
      if (!(levels_.back().below.empty() ? Leave() : Enter())) return false;
    }
    return true;
  }

  uint32_t removed = 0;
  uint32_t kept = 0;
  const char* call = "";

 private:
  /** From here on only root can make anything in the folder, whatever its mode was. */
  bool Seize(int folder, Level* level) {
    if (!Hand(folder, ".", 0, 0, kFolderMode, &call)) return false;
    call = "getdents64";
    return List(folder, [level](const std::string& name, const dirent& entry) {
      if (entry.d_type == DT_DIR) level->below.push_back(name);
    });
  }

  bool Look(int folder, uint64_t* mount) {
    struct statx facts = {};
    call = "statx";
    if (statx(folder, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_INO | STATX_MNT_ID, &facts) < 0) return false;
    *mount = facts.stx_mnt_id;
    return true;
  }

  bool Enter() {
    Level level;
    level.name = std::move(levels_.back().below.back());
    levels_.back().below.pop_back();
    call = "openat";
    Owned below(openat(here_.fd(), level.name.c_str(), kFolderFlags));
    if (below.fd() < 0) return IsAway();
    uint64_t mount = 0;
    if (!Look(below.fd(), &mount)) return false;
    // The host has mounted something there: not a part of the tree.
    if (mount != mount_) return true;
    if (!Seize(below.fd(), &level)) return IsAway();
    levels_.push_back(std::move(level));
    here_.Take(below.Release());
    return true;
  }

  /** Nothing of the range is below any more: the folder goes, or is root's from here on, with every file. */
  bool Leave() {
    const std::string name = std::move(levels_.back().name);
    levels_.pop_back();
    Owned above(openat(here_.fd(), "..", kFolderFlags));
    const bool is_gone = above.fd() >= 0 && (levels_.empty() ? RemoveTop(above.fd()) : Remove(above.fd(), name));
    if (is_gone) removed++;
    else if (!KeepFiles()) return false;
    else kept++;
    if (levels_.empty()) return true;
    call = "openat";
    if (above.fd() < 0) return false;
    here_.Take(above.Release());
    return true;
  }

  static bool Remove(int folder, const std::string& name) {
    return unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT;
  }

  /** The topmost lies in a folder of somebody's own, and is removed as its owner would. */
  bool RemoveTop(int above) {
    struct stat facts;
    struct stat parent;
    std::string name;
    if (fstat(here_.fd(), &facts) < 0 || fstat(above, &parent) < 0) return false;
    const bool is_listed = List(above, [&](const std::string& entry_name, const dirent& entry) {
      if (entry.d_ino == facts.st_ino) name = entry_name;
    });
    if (!is_listed) return false;
    if (name.empty()) return true;
    const As owner(parent.st_uid, parent.st_gid);
    return owner.is() && Remove(above, name);
  }

  bool KeepFiles() {
    call = "getdents64";
    std::vector<std::string> files;
    const bool is_listed = List(here_.fd(), [&files](const std::string& name, const dirent& entry) {
      if (entry.d_type == DT_REG) files.push_back(name);
    });
    if (!is_listed) return IsAway();
    for (const std::string& name : files) {
      struct stat facts;
      call = "fstatat";
      const bool is_kept = fstatat(here_.fd(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
                           Hand(here_.fd(), name.c_str(), 0, 0, facts.st_mode & 0777 & ~kOthersWrite, &call);
      if (!is_kept && !IsAway()) return false;
    }
    return true;
  }

  /** Somebody of the host's removed it meanwhile, as they may. */
  static bool IsAway() { return errno == ENOENT || errno == ENODEV || errno == ESTALE; }

  Owned here_;
  uint64_t mount_ = 0;
  std::vector<Level> levels_;
};

class WalkWork final : public Napi::AsyncWorker {
 public:
  WalkWork(Napi::Env env, int top) : Napi::AsyncWorker(env, "POSTERN_CONTROL_GROUP"), deferred_(env), walk_(top) {}
  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    if (!walk_.Run()) error_ = errno;
  }
  void OnOK() override {
    Napi::HandleScope scope(Env());
    if (error_ != 0) {
      SystemError(Env(), walk_.call, error_);
      deferred_.Reject(Env().GetAndClearPendingException().Value());
      return;
    }
    Napi::Object told = Napi::Object::New(Env());
    told.Set("removed", walk_.removed);
    told.Set("kept", walk_.kept);
    deferred_.Resolve(told);
  }

 private:
  Napi::Promise::Deferred deferred_;
  Walk walk_;
  int error_ = 0;
};

Napi::Value TakeBackControlGroup(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int top = arguments.Descriptor("fd");
  if (arguments.Failed()) return {};
  WalkWork* work = new WalkWork(info.Env(), top);
  const Napi::Promise promise = work->Promise();
  work->Queue();  // deletes itself when done
  return promise;
}

}  // namespace

void AddControlGroups(Napi::Env env, Napi::Object exports) {
  exports.Set("openControlGroup", Napi::Function::New(env, OpenControlGroup, "openControlGroup"));
  exports.Set("giveControlGroup", Napi::Function::New(env, GiveControlGroup, "giveControlGroup"));
  exports.Set("takeBackControlGroup", Napi::Function::New(env, TakeBackControlGroup, "takeBackControlGroup"));
}

}  // namespace postern
