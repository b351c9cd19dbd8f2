#include "base/mount_namespace.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace base {

std::uint64_t mount_namespace() noexcept {
  // Each namespace has mounts of its own, and so another one at its root. To ask /proc for the
  // namespace takes twenty times as long.
  struct statx root {};
  if (::statx(AT_FDCWD, "/", 0, STATX_MNT_ID, &root) == 0 && (root.stx_mask & STATX_MNT_ID) != 0)
    return root.stx_mnt_id;
  struct stat status {};  // before Linux 5.8
  return ::stat("/proc/self/ns/mnt", &status) == 0 ? status.st_ino : 0;
}

}  // namespace base
