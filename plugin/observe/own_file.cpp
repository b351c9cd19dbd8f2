#include "plugin/observe/own_file.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "plugin/cni/error.h"

namespace observe {
namespace {

constexpr mode_t kFileMode = 0644;  // the node exporter is another user

[[noreturn]] void refuse(const std::string& path, std::string_view problem) {
  throw cni::Error(cni::Code::kFile, path + " is left as it is: it " + std::string(problem));
}

std::string first_bytes(const std::string& path, std::size_t count) {
  const auto fd = base::open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  std::string bytes(count, '\0');
  const auto length = fd ? ::read(fd->get(), bytes.data(), bytes.size()) : 0;
  if (length < 0) throw base::SystemError("read", path, errno);
  bytes.resize(static_cast<std::size_t>(length));
  return bytes;
}

}  // namespace

void require_own(const std::string& path, std::string_view mark, bool pipe_too) {
  // Looked at before it is opened: to open is to act, on some devices.
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;  // who opens it tells what is wrong
  if (pipe_too && S_ISFIFO(status.st_mode)) return;
  if (!S_ISREG(status.st_mode)) refuse(path, "is no plain file");
  const std::string beginning = first_bytes(path, mark.size());
  if (!beginning.empty() && beginning != mark)
    refuse(path, "was not written by patchcord, whose first line begins with " + std::string(mark));
}

void replace_own(const std::string& path, std::string_view mark, std::string_view text) {
  require_own(path, mark);
  const auto slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const auto directory = base::open_directory(parent);
  if (!directory) throw base::SystemError("open", parent, ENOENT);
  base::write_file_atomically_at(directory->get(), path.substr(slash + 1), text, kFileMode);
}

}  // namespace observe
