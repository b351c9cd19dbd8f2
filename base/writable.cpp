// Whether a directory could be written to, asked without writing (base/file.h).
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

namespace base {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A file without a name, which nobody sees and which is gone with its descriptor.
void try_to_write(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (fd) {
    // Some file systems find out only now that they are full.
    write_all(fd.get(), "?", path);
    return;
  }
  // A file system without such files can still be asked.
  const bool unsupported = errno == EOPNOTSUPP || errno == EISDIR;
  if (unsupported && ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return;
  throw SystemError("write to directory", path, errno);
}

}  // namespace

void require_writable(const std::string& path) {
  std::string existing = path;
  while (existing != "/" && existing != "." && ::access(existing.c_str(), F_OK) != 0 &&
         errno == ENOENT) {
    existing = parent_of(existing);
  }
  try_to_write(existing);
}

}  // namespace base
