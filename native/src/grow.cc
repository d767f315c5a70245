/** Growing a mounted file system to the end of its device. */
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#include <cstring>

#include "edge.h"

namespace postern {

namespace {

/** linux/fs/ext4/ext4.h: the new number of blocks */
constexpr unsigned long kExt4Resize = _IOW('f', 16, uint64_t);

/** linux/fs/xfs/libxfs/xfs_fs.h, of which the kernel exports no header: what XFS_IOC_FSGEOMETRY_V1 tells. */
struct XfsGeometry {
  uint32_t block_size, rt_extent_size, ag_blocks, ag_count, log_blocks, sector_size, inode_size, inode_percent;
  uint64_t data_blocks, rt_blocks, rt_extents, log_start;
  uint8_t uuid[16];
  uint32_t stripe_unit, stripe_width;
  int32_t version;
  uint32_t flags, log_sector_size, rt_sector_size, directory_block_size;
};
constexpr unsigned long kXfsGeometry = _IOR('X', 100, XfsGeometry);

struct XfsGrowth {
  uint64_t data_blocks;
  uint32_t inode_percent;
};
constexpr unsigned long kXfsGrow = _IOW('X', 110, XfsGrowth);

/** Names the step that failed, or is null. */
const char* GrowExt4(int root, uint64_t bytes) {
  struct statfs facts = {};
  if (fstatfs(root, &facts) < 0) return "fstatfs";
  uint64_t blocks = bytes / static_cast<uint64_t>(facts.f_bsize);
  return ioctl(root, kExt4Resize, &blocks) < 0 ? "ioctl(EXT4_IOC_RESIZE_FS)" : nullptr;
}

const char* GrowBtrfs(int root) {
  btrfs_ioctl_vol_args arguments = {};
  strcpy(arguments.name, "1:max");
  return ioctl(root, BTRFS_IOC_RESIZE, &arguments) < 0 ? "ioctl(BTRFS_IOC_RESIZE)" : nullptr;
}

const char* GrowXfs(int root, uint64_t bytes) {
  XfsGeometry geometry = {};
  if (ioctl(root, kXfsGeometry, &geometry) < 0) return "ioctl(XFS_IOC_FSGEOMETRY_V1)";
  XfsGrowth growth = {bytes / geometry.block_size, geometry.inode_percent};
  if (growth.data_blocks <= geometry.data_blocks) return nullptr;  // fewer would be shrinking
  return ioctl(root, kXfsGrow, &growth) < 0 ? "ioctl(XFS_IOC_FSGROWFSDATA)" : nullptr;
}

const char* Grow(const std::string& type, int root, uint64_t bytes) {
  if (type == "ext4") return GrowExt4(root, bytes);
  if (type == "btrfs") return GrowBtrfs(root);
  if (type == "xfs") return GrowXfs(root, bytes);
  errno = EOPNOTSUPP;
  return "growFileSystem";
}

Napi::Value GrowFileSystem(const Napi::CallbackInfo& info) {
  Arguments arguments(info);
  const int mount = arguments.Descriptor("mountFd");
  const std::string type = arguments.Text("type");
  const uint64_t bytes = arguments.Unsigned64("bytes");
  if (arguments.Failed()) return {};
  // a mount's own descriptor only points at it
  const Owned root(openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (root.fd() < 0) return SystemError(info.Env(), "openat");
  const char* failed = Grow(type, root.fd(), bytes);
  return failed == nullptr ? info.Env().Undefined() : SystemError(info.Env(), failed);
}

}  // namespace

void AddGrowth(Napi::Env env, Napi::Object exports) {
  exports.Set("growFileSystem", Napi::Function::New(env, GrowFileSystem, "growFileSystem"));
}

}  // namespace postern
