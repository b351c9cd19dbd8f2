#include "base/file.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

namespace base {
namespace {

// Calls that the kernel may break off at a signal before they had an effect.
template <typename Call>
auto retry_when_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// A name that nobody else has: the clock and the stack's random place come without a system call,
// and whoever makes the file with O_EXCL finds out about the rare collision.
std::string temporary_name() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  const auto place = reinterpret_cast<std::uintptr_t>(&now);
  const auto time = static_cast<std::uintptr_t>(now.tv_sec) * 1'000'000'000U +
                    static_cast<std::uintptr_t>(now.tv_nsec);
  return std::string(kTemporaryPrefix) + std::to_string(place ^ time << 24U);
}

// A whole file under a temporary name, which is removed again unless it was moved away.
class TemporaryFile {
 public:
  TemporaryFile(int directory, std::string_view data, mode_t mode) : directory_(directory) {
    UniqueFd fd;
    do {
      name_ = temporary_name();
      fd.reset(retry_when_interrupted([&] {
        return ::openat(directory, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
      }));
    } while (!fd && errno == EEXIST);
    if (!fd) throw SystemError("create", name_, errno);
    try {
      allow_others(fd.get(), mode);
      write_all(fd.get(), data, name_);
    } catch (...) {
      remove();
      throw;
    }
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!name_.empty()) remove();
  }

  /// To the disk, before a name that counts leads to it.
  void sync() const {
    const auto fd = open_at(directory_, name_, O_WRONLY);
    if (!fd || ::fsync(fd->get()) != 0) throw SystemError("write to the disk", name_, errno);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  void move_to(const std::string& name) {
    if (::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0) {
      throw SystemError("replace", name, errno);
    }
    forget();
  }
  void forget() noexcept { name_.clear(); }

 private:
  // Where others are to read, the umask of whoever started us has no say.
  void allow_others(int fd, mode_t mode) const {
    constexpr mode_t kOthers = 0077;
    if ((mode & kOthers) != 0 && ::fchmod(fd, mode) != 0)
      throw SystemError("change the mode of", name_, errno);
  }

  void remove() noexcept { (void)::unlinkat(directory_, name_.c_str(), 0); }

  int directory_;
  std::string name_;
};

bool create_by_temporary_name(int directory, const std::string& name, std::string_view data,
                              mode_t mode) {
  const TemporaryFile temporary(directory, data, mode);
  // A link where a rename would do: every file system refuses to link over an existing name,
  // while not every one knows RENAME_NOREPLACE.
  if (::linkat(directory, temporary.name().c_str(), directory, name.c_str(), 0) == 0) return true;
  if (errno == EEXIST) return false;
  throw SystemError("create", name, errno);
}

// Gives the nameless file `fd` a name. The short way needs CAP_DAC_READ_SEARCH (before Linux 6.10)
// and says ENOENT without it; the other one needs /proc.
int link_nameless(int fd, int directory, const std::string& name) {
  if (::linkat(fd, "", directory, name.c_str(), AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return ::linkat(AT_FDCWD, path.c_str(), directory, name.c_str(), AT_SYMLINK_FOLLOW);
}

UniqueFd open_nameless(int directory, mode_t mode) {
  return UniqueFd(retry_when_interrupted(
      [&] { return ::openat(directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode); }));
}

bool lacks_nameless_files(int code) {
  // EISDIR is what a kernel or file system says that knows the flag's O_DIRECTORY part only.
  return code == EOPNOTSUPP || code == EISDIR || code == EINVAL;
}

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY;
// Others may remove the last one, empty as it is, between our making and our opening it.
constexpr int kDirectoryAttempts = 100;

void make_missing_directories(const std::string& path, mode_t mode) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) {
      // A read-only or foreign parent may refuse before it looks whether the directory is there.
      const int code = errno;
      if (::access(part.c_str(), F_OK) != 0) throw SystemError("create directory", part, code);
    }
    if (end == std::string::npos) return;
  }
}

}  // namespace

std::optional<UniqueFd> open_at(int directory, const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(retry_when_interrupted(
      [&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, mode); }));
  if (fd) return fd;
  if (errno == ENOENT) return std::nullopt;
  throw SystemError("open", path, errno);
}

std::optional<UniqueFd> open_directory(const std::string& path) {
  return open_at(AT_FDCWD, path, kDirectoryFlags);
}

UniqueFd make_directories(const std::string& path, mode_t mode) {
  for (int attempt = 0;; ++attempt) {
    if (auto directory = open_directory(path)) return std::move(*directory);
    if (attempt == kDirectoryAttempts) throw SystemError("open", path, ENOENT);
    make_missing_directories(path, mode);
  }
}

std::string read_all(int fd, std::size_t limit, std::string_view name) {
  std::string data;
  std::array<char, 4096> part;
  for (;;) {
    const auto count = retry_when_interrupted([&] { return ::read(fd, part.data(), part.size()); });
    if (count < 0) throw SystemError("read", name, errno);
    if (count == 0) return data;
    data.append(part.data(), static_cast<std::size_t>(count));
    if (data.size() > limit) throw SystemError("read", name, EFBIG);
  }
}

std::optional<std::string> read_file_at(int directory, const std::string& name, std::size_t limit) {
  // O_NONBLOCK: a named pipe in the file's place must not hold us up.
  const auto fd = open_at(directory, name, O_RDONLY | O_NONBLOCK);
  if (!fd) return std::nullopt;
  return read_all(fd->get(), limit, name);
}

std::optional<std::string> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd(retry_when_interrupted(
      [&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }));
  if (fd) return read_all(fd.get(), limit, path);
  if (errno == ENOENT) return std::nullopt;
  throw SystemError("open", path, errno);
}

void write_all(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    const auto count =
        retry_when_interrupted([&] { return ::write(fd, data.data(), data.size()); });
    if (count < 0) throw SystemError("write", name, errno);
    data.remove_prefix(static_cast<std::size_t>(count));
  }
}

void write_file_atomically_at(int directory, const std::string& name, std::string_view data,
                              mode_t mode) {
  TemporaryFile(directory, data, mode).move_to(name);
}

void write_file_durably_at(int directory, const std::string& name, std::string_view data,
                           mode_t mode) {
  TemporaryFile temporary(directory, data, mode);
  temporary.sync();
  temporary.move_to(name);
  if (::fsync(directory) != 0) throw SystemError("write to the disk", name, errno);
}

bool create_file_at(int directory, const std::string& name, std::string_view data, mode_t mode) {
  // A nameless file leaves nothing behind when we are killed before it is complete.
  const UniqueFd fd = open_nameless(directory, mode);
  if (!fd) {
    if (!lacks_nameless_files(errno)) throw SystemError("create", name, errno);
    return create_by_temporary_name(directory, name, data, mode);
  }
  write_all(fd.get(), data, name);
  if (link_nameless(fd.get(), directory, name) == 0) return true;
  if (errno == EEXIST) return false;
  throw SystemError("create", name, errno);
}

bool remove_file_at(int directory, const std::string& name) {
  if (::unlinkat(directory, name.c_str(), 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw SystemError("remove", name, errno);
}

}  // namespace base
