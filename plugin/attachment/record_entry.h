#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sys/stat.h>

#include "base/unique_fd.h"

// What bears the name of a record, or of a network's directory: mostly that, but it may be
// anything. Only for record_store.cpp.
namespace attachment {

/// Throws cni::Error{kFile} for what others could have written, or could have put there.
void require_own(const std::string& path, const struct stat& status);
/// As require_own(), of what is to be a file.
void require_own_file(const std::string& path, const struct stat& status);

/// Whether an errno is about what bears the name, and not about what there is too little of just
/// now, nor about a record that may be whole and cannot be read (EIO): by names alone not all is
/// found that it leads to.
[[nodiscard]] bool is_of_file(int code);

struct Entry {
  base::UniqueFd fd;   // to read; none where it cannot be opened
  std::string defect;  // why it is no record or draft of ours; empty for one that is
};
[[nodiscard]] std::optional<Entry> open_entry(const base::UniqueFd& directory,
                                              const std::string& name);

/// Absent where it cannot be read.
[[nodiscard]] std::optional<std::string> read_record(const base::UniqueFd& fd,
                                                     std::string_view name);
/// Absent as well where there is none, or one with a defect.
[[nodiscard]] std::optional<std::string> read_entry(const base::UniqueFd& directory,
                                                    const std::string& name);

/// A file of whatever kind, or an empty directory. False with errno.
bool remove_entry(const std::string& path);

/// Absent where there is none, or something else in its place.
[[nodiscard]] std::optional<base::UniqueFd> find_directory(const std::string& path);

/// False where the name is taken, or the file system refuses, now or ever.
[[nodiscard]] bool rename_if_free(const base::UniqueFd& directory, const std::string& from,
                                  const std::string& to);

/// What the file is, if it has the name.
[[nodiscard]] std::optional<struct stat> find_named(int directory, const std::string& name, int fd);

}  // namespace attachment
