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
  return std::max<std::int64_t>(
      0, std::min({mount_time("/proc"), mount_time("/sys"), time_less_uptime()}));
}

}  // namespace base
