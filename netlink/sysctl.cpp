#include "netlink/sysctl.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/unique_fd.h"

namespace netlink {
namespace {

// The longest value read: those below net/ are a few numbers at most.
constexpr std::size_t kLimit = 4096;

// Absent where the kernel has no such key. Which namespace it is of is settled here: the kernel
// looks below /proc/sys/net by the namespace of the thread that opens.
base::UniqueFd open_key(const std::string& key, int flags) {
  return base::UniqueFd(::open(("/proc/sys/" + key).c_str(), flags | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace

std::optional<std::string> read_sysctl(const std::string& key) {
  const base::UniqueFd fd = open_key(key, O_RDONLY);
  if (!fd && errno == ENOENT) return std::nullopt;
  std::string value(kLimit, '\0');
  ssize_t size = -1;
  if (fd) {
    do {
      size = ::read(fd.get(), value.data(), value.size());
    } while (size < 0 && errno == EINTR);
  }
  if (size < 0) throw base::SystemError("read sysctl", key, errno);
  value.resize(static_cast<std::size_t>(size));
  while (value.ends_with('\n')) value.pop_back();
  return value;
}

bool write_sysctl(const std::string& key, std::string_view value) {
  const base::UniqueFd fd = open_key(key, O_WRONLY);
  if (!fd && errno == ENOENT) return false;
  ssize_t size = -1;
  if (fd) {
    // One write: the kernel takes what each write brings for the whole value.
    do {
      size = ::write(fd.get(), value.data(), value.size());
    } while (size < 0 && errno == EINTR);
  }
  if (size < 0) throw base::SystemError("write sysctl", key, errno);
  return true;
}

}  // namespace netlink
