/** Reaching files as somebody else. */
#pragma once

#include <sys/fsuid.h>
#include <sys/types.h>

#include <cerrno>

namespace postern {

/** While it lives, the calling thread (no other one) reaches files as somebody else, without a capability that gets past their modes. */
class As {
 public:
  As(uid_t uid, gid_t gid) : gid_(setfsgid(gid)), uid_(setfsuid(uid)) {
    // Neither call tells a failure, but both tell what it was before: asked for nobody, they change nothing.
    is_ = setfsuid(kNobody) == static_cast<int>(uid) && setfsgid(kNobody) == static_cast<int>(gid);
    errno = EPERM;
  }
  As(const As&) = delete;
  As& operator=(const As&) = delete;
  ~As() {
    setfsuid(static_cast<uid_t>(uid_));
    setfsgid(static_cast<gid_t>(gid_));
  }
  /** False, with errno set, where that was not allowed: then nothing may be done. */
  bool is() const { return is_; }

 private:
  static constexpr uid_t kNobody = static_cast<uid_t>(-1);
  bool is_;
  int gid_;
  int uid_;
};

}  // namespace postern
