#include "base/boot_time.h"

#include <algorithm>
#include <ctime>

#include <sys/stat.h>

namespace base {
namespace {

// When a file system that the kernel keeps in memory was mounted, by the clock of that moment.
std::int64_t mount_time(const char* path) {
  struct stat status {};
  return ::stat(path, &status) == 0 ? status.st_mtim.tv_sec : 0;
}

// A time namespace has an uptime of its own (time_namespaces(7)). The first one, which the machine
// itself is in, always has the same number (PROC_TIME_INIT_INO); a kernel without them has no file.
bool sees_true_uptime() {
  constexpr ino_t kFirst = 0xEFFFFFFA;
  struct stat status {};
  if (::stat("/proc/self/ns/time", &status) == 0) return status.st_ino == kFirst;
  return ::stat("/proc/self/ns/net", &status) == 0;
}

// By the clock of today.
std::int64_t time_less_uptime() {
  timespec now{};
  timespec up{};
  if (::clock_gettime(CLOCK_REALTIME, &now) != 0 || ::clock_gettime(CLOCK_BOOTTIME, &up) != 0)
    return 0;
  return now.tv_sec - up.tv_sec - 1;
}

}  // namespace

// A clock that was put forward since the boot, as where there is no battery or a virtual machine
// was asleep, makes the second answer too late; one that was put back, the others.
std::int64_t earliest_boot_time() {
  // The other two are a container's own, too, in a mount namespace of its own.
  if (!sees_true_uptime()) return 0;
  return std::max<std::int64_t>(
      0, std::min({mount_time("/proc"), mount_time("/sys"), time_less_uptime()}));
}

}  // namespace base
