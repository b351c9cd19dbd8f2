#include "plugin/attachment/record_entry.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/attachment/record.h"
#include "plugin/cni/error.h"

namespace attachment {
namespace {

// An ADD writes four lines at most: what it is about to do, the same with addresses, what became of
// it, and its times.
constexpr std::size_t kLongestRecord = 5 * kLongestLine;

// Records tell what to remove: who could write them could have us remove anything.
std::string defect_of(const std::string& path, const struct stat& status) {
  if (S_ISLNK(status.st_mode)) return "it is a symbolic link";
  if (status.st_uid != ::geteuid()) return "it belongs to user " + std::to_string(status.st_uid);
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return "";
  return "others than its owner can write to it; chmod go-w " + path;
}

std::string defect_of_file(const std::string& path, const struct stat& status) {
  if (!S_ISREG(status.st_mode)) return "it is no file";
  if (status.st_size > static_cast<off_t>(kLongestRecord)) return "it is too long";
  return defect_of(path, status);
}

void refuse_if(const std::string& defect, const std::string& path) {
  if (defect.empty()) return;
  throw cni::Error(cni::Code::kFile, "use " + path + ": " + defect);
}

}  // namespace

void require_own(const std::string& path, const struct stat& status) {
  refuse_if(defect_of(path, status), path);
}

void require_own_file(const std::string& path, const struct stat& status) {
  refuse_if(defect_of_file(path, status), path);
}

bool is_of_file(int code) {
  return code == ELOOP || code == ENOTDIR || code == EISDIR || code == ENXIO || code == ENODEV ||
         code == EFBIG;
}

std::optional<Entry> open_entry(const base::UniqueFd& directory, const std::string& name) {
  try {
    // A named pipe or a device must not hold us up.
    auto fd = base::open_at(directory.get(), name, O_RDONLY | O_NONBLOCK);
    if (!fd) return std::nullopt;
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) throw base::SystemError("look at", name, errno);
    return Entry{.fd = std::move(*fd), .defect = defect_of_file(name, status)};
  } catch (const base::SystemError& error) {
    if (!is_of_file(error.code())) throw;
    return Entry{.fd = {},
                 .defect = error.code() == ELOOP ? "it is a symbolic link" : error.what()};
  }
}

std::optional<std::string> read_record(const base::UniqueFd& fd, std::string_view name) {
  try {
    return base::read_all(fd.get(), kLongestRecord, name);
  } catch (const base::SystemError& error) {
    if (!is_of_file(error.code())) throw;
    return std::nullopt;
  }
}

std::optional<std::string> read_entry(const base::UniqueFd& directory, const std::string& name) {
  const auto entry = open_entry(directory, name);
  return entry && entry->defect.empty() ? read_record(entry->fd, name) : std::nullopt;
}

bool remove_entry(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  return errno == EISDIR && ::rmdir(path.c_str()) == 0;
}

std::optional<base::UniqueFd> find_directory(const std::string& path) {
  try {
    return base::open_directory(path);
  } catch (const base::SystemError& error) {
    if (!is_of_file(error.code())) throw;
    return std::nullopt;
  }
}

// A rename needs nothing, while a link on tmpfs needs an inode; but not every file system knows the
// kind of rename that replaces nothing.
bool rename_if_free(const base::UniqueFd& directory, const std::string& from,
                    const std::string& to) {
  const int at = directory.get();
  if (::renameat2(at, from.c_str(), at, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  return ::linkat(at, from.c_str(), at, to.c_str(), 0) == 0 && base::remove_file_at(at, from);
}

std::optional<struct stat> find_named(int directory, const std::string& name, int fd) {
  struct stat by_name {};
  struct stat by_fd {};
  const bool is_named = ::fstatat(directory, name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
                        ::fstat(fd, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
                        by_name.st_dev == by_fd.st_dev;
  return is_named ? std::optional(by_fd) : std::nullopt;
}

}  // namespace attachment
