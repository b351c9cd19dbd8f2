#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "base/unique_fd.h"

namespace base {

// Every function throws SystemError{operation, path, errno} on a failure that it does not name as
// an ordinary outcome. No descriptor leaks into a child (O_CLOEXEC), and no symbolic link is
// followed in the last component (O_NOFOLLOW) unless a function says so.

/// How a file begins that a killed writer may leave behind. Whoever holds the directory's lock, if
/// it has one, may remove it.
inline constexpr std::string_view kTemporaryPrefix = ".patchcord-new-";

/// Opens with O_CLOEXEC | O_NOFOLLOW added; `directory` may be AT_FDCWD. Absent on ENOENT.
[[nodiscard]] std::optional<UniqueFd> open_at(int directory, const std::string& path, int flags,
                                              mode_t mode = 0);

/// Throws SystemError where no file could be made and written in the directory `path`, or in the
/// last one of it that there is. Leaves nothing behind.
void require_writable(const std::string& path);

/// Opens a directory for use with the *at calls. Absent where there is none.
[[nodiscard]] std::optional<UniqueFd> open_directory(const std::string& path);

/// Makes every missing directory of `path` with `mode` (less the umask) and opens the last one.
[[nodiscard]] UniqueFd make_directories(const std::string& path, mode_t mode);

/// At most `limit` bytes; a longer file is error EFBIG. Absent on ENOENT.
[[nodiscard]] std::optional<std::string> read_file_at(int directory, const std::string& name,
                                                      std::size_t limit);
/// As read_file_at, by path, and following symbolic links.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path, std::size_t limit);

/// Everything from `fd` up to `limit` bytes; more is error EFBIG, with `name` as the object.
[[nodiscard]] std::string read_all(int fd, std::size_t limit, std::string_view name);
void write_all(int fd, std::string_view data, std::string_view name);

/// Replaces `name` as a whole: readers see the old or the new content, never a part. It has `mode`
/// from the start, whatever the umask.
void write_file_atomically_at(int directory, const std::string& name, std::string_view data,
                              mode_t mode);

/// The same, and what was written outlasts a loss of power from here on (fsync(2)).
void write_file_durably_at(int directory, const std::string& name, std::string_view data,
                           mode_t mode);

/// Makes `name` with all of `data`, or not at all. False where the name exists already.
[[nodiscard]] bool create_file_at(int directory, const std::string& name, std::string_view data,
                                  mode_t mode);

/// False where there was none.
bool remove_file_at(int directory, const std::string& name);

/// Takes an exclusive flock(2) on an open file, waiting for it without polling. Throws LockTimeout,
/// naming the holder's process, when it is not free within `patience`. `shown_as` is the file's
/// path for the message.
void lock_exclusively(int fd, std::chrono::milliseconds patience, std::string_view shown_as);

/// An exclusive flock(2), held until destroyed.
class FileLock {
 public:
  /// Makes the file `name` with `mode` where missing. Throws LockTimeout, naming the holder's
  /// process, when the lock is not free within `patience`.
  FileLock(int directory, const std::string& name, mode_t mode, std::chrono::milliseconds patience,
           std::string_view shown_as);

 private:
  UniqueFd fd_;
};

}  // namespace base
